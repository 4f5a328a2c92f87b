//! The numbers, and the handles by which they are counted.
//!
//! A label look-up costs a hash and a lock, so each combination is looked up once and its handle kept in a table.

use std::{
    array, fmt,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use http::StatusCode;
use nomad_forward::{CoalescedRequests, Tunnels};
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
    exposition::{ExpositionFormat, to_prometheus_text},
};
use crate::telemetry::route_class::RouteClass;
use crate::{logging::console::Console, proxy::streams::SharedMonitors, server::tls::Handshakes};

const ROUTE_CLASSES: usize = RouteClass::ALL.len();

/// The statuses that are told apart; any other is `other`. 499 is what many proxies write for a caller who left.
const STATUSES: [u16; 22] = [
    101, 200, 204, 206, 301, 304, 307, 400, 401, 403, 404, 405, 408, 412, 413, 429, 499, 500, 501,
    502, 503, 504,
];

/// The ways an answer comes about; any other is `none`: the gateway itself answered in place of an agent.
const PATHS: [&str; 4] = ["direct", "relay", "pass", "here"];

/// One more of each: `other` and `none`.
const SERIES: usize = ROUTE_CLASSES * (STATUSES.len() + 1) * (PATHS.len() + 1);

type RequestLabels = [(&'static str, &'static str); 3];
type RouteLabels = [(&'static str, &'static str); 1];

/// All numbers of a gateway.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Labelled<RequestLabels, Counter>,
    request_series: Box<[OnceLock<Counter>]>,
    durations: [Histogram; ROUTE_CLASSES],
    streams: [Gauge; ROUTE_CLASSES],
    bytes: [Counter; ROUTE_CLASSES],
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
            request_series: (0..SERIES).map(|_| OnceLock::new()).collect(),
            durations: per_route_class(|route| durations.get_or_create_owned(route)),
            streams: per_route_class(|route| streams.get_or_create_owned(route)),
            bytes: per_route_class(|route| bytes.get_or_create_owned(route)),
            tunnel_bytes: [to("agent"), to("caller")],
            registry: Mutex::new(registry),
            requests,
            relays_avoided,
            relay_bytes_avoided,
        }
    }

    /// Shows how many websockets are open, and how many were opened.
    pub fn register_tunnels(&self, tunnels: Tunnels) {
        let opened = tunnels.clone();
        self.register_gauge("websockets_open", "Websockets that are open now", move || {
            i64::try_from(tunnels.active()).unwrap_or(i64::MAX)
        });
        let text = "Websockets that were opened";
        self.register_counter("websockets", text, move || opened.total());
    }

    /// Shows how many TLS handshakes are under way, and how many connections were closed because there were too many.
    pub fn show_handshakes(&self, handshakes: Handshakes) {
        let refused = handshakes.clone();
        let text = "Callers who have connected over TLS and have not begun a request";
        self.register_gauge("tls_handshakes_open", text, move || {
            i64::try_from(handshakes.open()).unwrap_or(i64::MAX)
        });
        let text = "Connections that were closed because too many TLS handshakes were under way";
        self.register_counter("tls_handshakes_refused", text, move || refused.refused());
    }

    /// Shows how many monitors are open at agents, and how many callers came to one that was there.
    pub fn register_monitors(&self, monitors: SharedMonitors) {
        let joined = monitors.clone();
        let text = "Monitors that are open at agents now, each for one caller or several";
        self.register_gauge("monitors_open", text, move || {
            i64::try_from(monitors.open_count()).unwrap_or(i64::MAX)
        });
        let text = "Callers who share a monitor that was open";
        self.register_counter("monitors_joined", text, move || joined.joined_total());
    }

    /// Shows how many requests were answered by another one's answer, and what is kept for that now.
    pub fn register_coalesced(&self, shares: CoalescedRequests) {
        let kept = shares.clone();
        let text = "Requests that were answered by what another caller's request brought";
        self.register_counter("shared_requests", text, move || shares.coalesced_total());
        let text = "Bytes of answers that are kept for several callers now";
        self.register_gauge("shared_bytes_kept", text, move || {
            i64::try_from(kept.buffered_bytes()).unwrap_or(i64::MAX)
        });
    }

    /// Shows how many lines of the access log were lost.
    pub fn register_access_log(&self, log: AccessLog) {
        let text = "Lines of the access log that were lost because they could not be written, or not as fast";
        self.register_counter("access_log_lines_lost", text, move || log.lines_lost());
    }

    /// Shows how many lines of the gateway's own log were lost.
    pub fn register_console(&self, console: Console) {
        let text = "Lines of the gateway's own log that were lost because nobody read them as fast";
        self.register_counter("log_lines_lost", text, move || console.lines_lost());
    }

    /// Shows a number that only grows and that somebody else counts, as the hits of a cache. The name gets the prefix
    /// `nomad_gateway_` and the ending `_total`.
    pub fn register_counter(
        &self,
        name: &'static str,
        text: &'static str,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        self.register_collector(name, text, ReadValue::Counter(Box::new(read)));
    }

    /// Shows a number that goes up and down and that somebody else knows.
    pub fn register_gauge(
        &self,
        name: &'static str,
        text: &'static str,
        read: impl Fn() -> i64 + Send + Sync + 'static,
    ) {
        self.register_collector(name, text, ReadValue::Gauge(Box::new(read)));
    }

    fn register_collector(&self, name: &'static str, text: &'static str, read: ReadValue) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register_collector(Box::new(CallbackCollector { name, text, read }));
    }

    /// Everything in one of the two formats.
    pub(crate) fn encode_as(&self, exposition: ExpositionFormat) -> String {
        match exposition {
            ExpositionFormat::Text => to_prometheus_text(&self.open_metrics_text()),
            ExpositionFormat::OpenMetrics => self.open_metrics_text(),
        }
    }

    /// Everything in the text format of OpenMetrics, which Prometheus reads.
    #[must_use]
    pub fn open_metrics_text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if encode(&mut text, &registry).is_err() {
            // Only a collector that names a metric impossibly fails; what stands there already is whole lines.
            text.push_str("# EOF\n");
        }
        text
    }

    pub(super) fn count_request(&self, family: RouteClass, status: StatusCode, path: Option<&str>) {
        let status = STATUSES.iter().position(|known| *known == status.as_u16());
        let path = path.and_then(|path| PATHS.iter().position(|known| *known == path));
        let (status, path) = (status.unwrap_or(STATUSES.len()), path.unwrap_or(PATHS.len()));
        let index = (family as usize * (STATUSES.len() + 1) + status) * (PATHS.len() + 1) + path;
        let Some(cell) = self.request_series.get(index) else { return };
        cell.get_or_init(|| {
            self.requests.get_or_create_owned(&request_labels(family, status, path))
        })
        .inc();
    }

    pub(super) fn observe_duration(&self, family: RouteClass, took: Duration) {
        if let Some(durations) = self.durations.get(family as usize) {
            durations.observe(took.as_secs_f64());
        }
    }

    pub(super) fn stream_opened(&self, family: RouteClass) {
        if let Some(streams) = self.streams.get(family as usize) {
            streams.inc();
        }
    }

    pub(super) fn stream_closed(&self, family: RouteClass, bytes: u64, path: Option<&str>) {
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

    pub(super) fn count_tunnel_bytes(&self, to_agent: u64, to_caller: u64) {
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
fn per_route_class<M>(handle: impl Fn(&RouteLabels) -> M) -> [M; ROUTE_CLASSES] {
    let handle = &handle;
    array::from_fn(|place| {
        let name = RouteClass::ALL.get(place).map_or("", |family| family.as_str());
        handle(&[("route", name)])
    })
}

fn request_labels(family: RouteClass, status: usize, path: usize) -> RequestLabels {
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
struct CallbackCollector {
    name: &'static str,
    text: &'static str,
    read: ReadValue,
}

enum ReadValue {
    Counter(Box<dyn Fn() -> u64 + Send + Sync>),
    Gauge(Box<dyn Fn() -> i64 + Send + Sync>),
}

impl fmt::Debug for CallbackCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Collector for CallbackCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        match &self.read {
            ReadValue::Counter(read) => {
                let kind = ConstCounter::<u64>::TYPE;
                let encoder = encoder.encode_descriptor(self.name, self.text, None, kind)?;
                ConstCounter::new(read()).encode(encoder)
            }
            ReadValue::Gauge(read) => {
                let kind = ConstGauge::<i64>::TYPE;
                let encoder = encoder.encode_descriptor(self.name, self.text, None, kind)?;
                ConstGauge::new(read()).encode(encoder)
            }
        }
    }
}
