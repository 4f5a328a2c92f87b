//! The numbers, and the handles by which they are counted.
//!
//! A label look-up costs a hash and a lock, so each combination is looked up once and its handle kept in a table.

use std::{
    array, fmt,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use http::StatusCode;
use nomad_forward::{Shares, Tunnels};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, text::encode},
    metrics::{
        TypedMetric as _,
        counter::{ConstCounter, Counter},
        family::Family as Labelled,
        gauge::{ConstGauge, Gauge},
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::Registry,
};

use super::{
    AccessLog,
    exposition::{Exposition, to_text},
    family::Family,
};
use crate::{console::Console, streams::Monitors, tls::Handshakes};

const FAMILIES: usize = Family::ALL.len();

/// The statuses that are told apart; any other is `other`. 499 is what many proxies write for a caller who left.
const STATUSES: [u16; 22] = [
    101, 200, 204, 206, 301, 304, 307, 400, 401, 403, 404, 405, 408, 412, 413, 429, 499, 500, 501,
    502, 503, 504,
];

/// The ways an answer comes about; any other is `none`: the gateway itself answered in place of an agent.
const PATHS: [&str; 4] = ["direct", "relay", "pass", "here"];

/// One more of each: `other` and `none`.
const CELLS: usize = FAMILIES * (STATUSES.len() + 1) * (PATHS.len() + 1);

type Request = [(&'static str, &'static str); 3];
type Route = [(&'static str, &'static str); 1];

/// All numbers of a gateway.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Labelled<Request, Counter>,
    cells: Box<[OnceLock<Counter>]>,
    durations: [Histogram; FAMILIES],
    streams: [Gauge; FAMILIES],
    bytes: [Counter; FAMILIES],
    relays_avoided: Counter,
    relay_bytes_avoided: Counter,
    tunnel_bytes: [Counter; 2],
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("nomad_gateway");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Which gateway this is", version);
        let requests = Labelled::default();
        registry.register(
            "requests",
            "Requests, by what they ask and how they end",
            requests.clone(),
        );
        let durations = Labelled::new_with_constructor(histogram as fn() -> Histogram);
        let text = "Time until the head of an answer, in seconds";
        registry.register("request_duration_seconds", text, durations.clone());
        let streams = Labelled::default();
        registry.register("streams_open", "Answers that are being sent now", streams.clone());
        let bytes = Labelled::default();
        registry.register("response_bytes", "Bytes of answers' bodies", bytes.clone());
        let tunnel_bytes = Labelled::default();
        let text = "Bytes through websockets that have ended, by where they went";
        registry.register("websocket_bytes", text, tunnel_bytes.clone());
        let counter = |registry: &mut Registry, name, text| {
            let counter = Counter::default();
            registry.register(name, text, counter.clone());
            counter
        };
        let text = "Answers that came from the agent itself, past Nomad's servers";
        let relays_avoided = counter(&mut registry, "relay_avoided_requests", text);
        let text = "Bytes of answers that did not pass through Nomad's servers";
        let relay_bytes_avoided = counter(&mut registry, "relay_avoided_bytes", text);
        let to = |to| tunnel_bytes.get_or_create_owned(&[("to", to)]);
        Self {
            cells: (0..CELLS).map(|_| OnceLock::new()).collect(),
            durations: each(|route| durations.get_or_create_owned(route)),
            streams: each(|route| streams.get_or_create_owned(route)),
            bytes: each(|route| bytes.get_or_create_owned(route)),
            tunnel_bytes: [to("agent"), to("caller")],
            registry: Mutex::new(registry),
            requests,
            relays_avoided,
            relay_bytes_avoided,
        }
    }

    /// Shows how many websockets are open, and how many were opened.
    pub fn show_tunnels(&self, tunnels: Tunnels) {
        let opened = tunnels.clone();
        self.show_gauge("websockets_open", "Websockets that are open now", move || {
            i64::try_from(tunnels.open()).unwrap_or(i64::MAX)
        });
        let text = "Websockets that were opened";
        self.show_counter("websockets", text, move || opened.opened());
    }

    /// Shows how many TLS handshakes are under way, and how many connections were closed because there were too many.
    pub fn show_handshakes(&self, handshakes: Handshakes) {
        let refused = handshakes.clone();
        let text = "Callers who have connected over TLS and have not begun a request";
        self.show_gauge("tls_handshakes_open", text, move || {
            i64::try_from(handshakes.open()).unwrap_or(i64::MAX)
        });
        let text = "Connections that were closed because too many TLS handshakes were under way";
        self.show_counter("tls_handshakes_refused", text, move || refused.refused());
    }

    /// Shows how many monitors are open at agents, and how many callers came to one that was there.
    pub fn show_monitors(&self, monitors: Monitors) {
        let joined = monitors.clone();
        let text = "Monitors that are open at agents now, each for one caller or several";
        self.show_gauge("monitors_open", text, move || {
            i64::try_from(monitors.open()).unwrap_or(i64::MAX)
        });
        let text = "Callers who share a monitor that was open";
        self.show_counter("monitors_joined", text, move || joined.joined());
    }

    /// Shows how many requests were answered by another one's answer, and what is kept for that now.
    pub fn show_shares(&self, shares: Shares) {
        let kept = shares.clone();
        let text = "Requests that were answered by what another caller's request brought";
        self.show_counter("shared_requests", text, move || shares.shared());
        let text = "Bytes of answers that are kept for several callers now";
        self.show_gauge("shared_bytes_kept", text, move || {
            i64::try_from(kept.kept()).unwrap_or(i64::MAX)
        });
    }

    /// Shows how many lines of the access log were lost.
    pub fn show_access_log(&self, log: AccessLog) {
        let text = "Lines of the access log that were lost because they could not be written, or not as fast";
        self.show_counter("access_log_lines_lost", text, move || log.lost());
    }

    /// Shows how many lines of the gateway's own log were lost.
    pub fn show_console(&self, console: Console) {
        let text = "Lines of the gateway's own log that were lost because nobody read them as fast";
        self.show_counter("log_lines_lost", text, move || console.lost());
    }

    /// Shows a number that only grows and that somebody else counts, as the hits of a cache. The name gets the prefix
    /// `nomad_gateway_` and the ending `_total`.
    pub fn show_counter(
        &self,
        name: &'static str,
        text: &'static str,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        self.show(name, text, Read::Counter(Box::new(read)));
    }

    /// Shows a number that goes up and down and that somebody else knows.
    pub fn show_gauge(
        &self,
        name: &'static str,
        text: &'static str,
        read: impl Fn() -> i64 + Send + Sync + 'static,
    ) {
        self.show(name, text, Read::Gauge(Box::new(read)));
    }

    fn show(&self, name: &'static str, text: &'static str, read: Read) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register_collector(Box::new(Shown { name, text, read }));
    }

    /// Everything in one of the two formats.
    pub(crate) fn exposed(&self, exposition: Exposition) -> String {
        match exposition {
            Exposition::Text => to_text(&self.text()),
            Exposition::OpenMetrics => self.text(),
        }
    }

    /// Everything in the text format of OpenMetrics, which Prometheus reads.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if encode(&mut text, &registry).is_err() {
            // Only a collector that names a metric impossibly fails; what stands there already is whole lines.
            text.push_str("# EOF\n");
        }
        text
    }

    pub(super) fn request(&self, family: Family, status: StatusCode, path: Option<&str>) {
        let status = STATUSES.iter().position(|known| *known == status.as_u16());
        let path = path.and_then(|path| PATHS.iter().position(|known| *known == path));
        let (status, path) = (status.unwrap_or(STATUSES.len()), path.unwrap_or(PATHS.len()));
        let index = (family as usize * (STATUSES.len() + 1) + status) * (PATHS.len() + 1) + path;
        let Some(cell) = self.cells.get(index) else { return };
        cell.get_or_init(|| self.requests.get_or_create_owned(&labels(family, status, path))).inc();
    }

    pub(super) fn duration(&self, family: Family, took: Duration) {
        if let Some(durations) = self.durations.get(family as usize) {
            durations.observe(took.as_secs_f64());
        }
    }

    pub(super) fn stream_opened(&self, family: Family) {
        if let Some(streams) = self.streams.get(family as usize) {
            streams.inc();
        }
    }

    pub(super) fn stream_closed(&self, family: Family, bytes: u64, path: Option<&str>) {
        if let Some(streams) = self.streams.get(family as usize) {
            streams.dec();
        }
        if let Some(counter) = self.bytes.get(family as usize) {
            counter.inc_by(bytes);
        }
        if path == Some("direct") && family.is_relayed_by_nomad() {
            self.relays_avoided.inc();
            self.relay_bytes_avoided.inc_by(bytes);
        }
    }

    pub(super) fn tunnel_ended(&self, to_agent: u64, to_caller: u64) {
        let [agent, caller] = &self.tunnel_bytes;
        agent.inc_by(to_agent);
        caller.inc_by(to_caller);
    }
}

/// From half a millisecond to half a minute: an answer from a neighbour, and one that is given up.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.5, 13))
}

/// A handle for every family.
fn each<M>(handle: impl Fn(&Route) -> M) -> [M; FAMILIES] {
    let handle = &handle;
    array::from_fn(|place| {
        let name = Family::ALL.get(place).map_or("", |family| family.as_str());
        handle(&[("route", name)])
    })
}

fn labels(family: Family, status: usize, path: usize) -> Request {
    const NAMES: [&str; STATUSES.len()] = [
        "101", "200", "204", "206", "301", "304", "307", "400", "401", "403", "404", "405", "408",
        "412", "413", "429", "499", "500", "501", "502", "503", "504",
    ];
    [
        ("route", family.as_str()),
        ("status", NAMES.get(status).copied().unwrap_or("other")),
        ("path", PATHS.get(path).copied().unwrap_or("none")),
    ]
}

/// A number that somebody else counts.
struct Shown {
    name: &'static str,
    text: &'static str,
    read: Read,
}

enum Read {
    Counter(Box<dyn Fn() -> u64 + Send + Sync>),
    Gauge(Box<dyn Fn() -> i64 + Send + Sync>),
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        match &self.read {
            Read::Counter(read) => {
                let kind = ConstCounter::<u64>::TYPE;
                let encoder = encoder.encode_descriptor(self.name, self.text, None, kind)?;
                ConstCounter::new(read()).encode(encoder)
            }
            Read::Gauge(read) => {
                let kind = ConstGauge::<i64>::TYPE;
                let encoder = encoder.encode_descriptor(self.name, self.text, None, kind)?;
                ConstGauge::new(read()).encode(encoder)
            }
        }
    }
}
