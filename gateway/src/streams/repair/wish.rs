//! What a caller asks for beyond Nomad.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header::ACCEPT};
use nomad_wire::{AllocId, Fault, Query, Route, call::Params, query::Origin};

use super::{
    outlet::Shape,
    place::{Place, number},
};

/// The media type of server-sent events.
pub(super) const EVENTS: &str = "text/event-stream";
/// The media type of a JSON text a line.
pub(super) const NDJSON: &str = "application/x-ndjson";

/// All of our parameters begin with this, which none of Nomad's does.
pub(super) const PREFIX: &str = "gateway_";
const UNTIL: &str = "gateway_until";
const ROTATION: &str = "gateway_rotation";
const RESUME: &str = "gateway_resume";
const AFTER: &str = "gateway_after";

/// What a browser sends when it opens a stream of events again: the id of the last one it got.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A stream as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    /// What is read.
    pub(super) call: Call,
    /// In what form it is wanted.
    pub(super) shape: Shape,
    /// It ends with its task.
    pub(super) until_dead: bool,
    /// Rotations are looked after.
    pub(super) repair: bool,
    /// It goes on when the agent's connection breaks.
    pub(super) resume: bool,
    /// It goes on where the caller was before.
    pub(super) after: Option<Place>,
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// A task's log.
    Logs {
        /// The allocation.
        allocation: AllocId,
        /// The task.
        task: String,
        /// `alloc/logs/<task>.<type>.`, which the number of a file follows.
        stem: String,
        follow: bool,
        origin: Origin,
        offset: i64,
    },
    /// A file.
    File { allocation: AllocId, path: String, follow: bool, origin: Origin, offset: i64 },
    /// An agent's own log, in which there are no positions.
    Monitor,
}

impl Call {
    /// A position in what is read, as the ids of events say it: the next byte, and its file.
    fn position(&self, text: &str) -> Option<Place> {
        let (next, file) = text.split_once(' ')?;
        let is_of_it = match self {
            Self::Logs { stem, .. } => number(stem, file).is_some(),
            Self::File { path, .. } => path == file,
            Self::Monitor => false,
        };
        let place = Place { file: file.to_owned(), next: next.parse().ok()?, is_sure: true };
        is_of_it.then_some(place)
    }

    /// Its end is not the end of what can be read.
    pub(super) const fn follows(&self) -> bool {
        match self {
            Self::Logs { follow, .. } | Self::File { follow, .. } => *follow,
            Self::Monitor => true,
        }
    }
}

impl Wish {
    /// Each byte is wanted once, whatever the agent does.
    pub(super) const fn is_exact(&self) -> bool {
        self.repair || self.resume || self.after.is_some()
    }

    /// In words, for the answer's header; `already` is what others say there.
    pub(super) fn words(&self, already: Option<&HeaderValue>) -> String {
        let already = already.and_then(|words| words.to_str().ok());
        let own = [
            (self.until_dead, "until-dead"),
            (self.repair, "repair-rotation"),
            (self.resume, "resume"),
            (self.after.is_some(), "after"),
            (self.shape == Shape::Events, "events"),
            (self.shape == Shape::Ndjson, "ndjson"),
        ];
        let own = own.into_iter().filter_map(|(is_wanted, word)| is_wanted.then_some(word));
        already.into_iter().chain(own).collect::<Vec<_>>().join(", ")
    }
}

/// What this request asks for; nothing for one that asks for nothing of the kind.
pub(super) fn of<B>(request: &Request<B>) -> Option<Result<Wish, Fault>> {
    if !may_be_repaired(&Route::decoded_path(request.uri())) || request.method() != Method::GET {
        return None;
    }
    let query = Query::of(request.uri());
    let shape = accepted(request.headers());
    if shape.is_none() && !query.as_str().contains(PREFIX) {
        return None;
    }
    let asked = nomad_wire::Call::parse(request.method(), request.uri()).ok()?;
    let options = match Options::of(&query) {
        Ok(options) => options,
        Err(fault) => return Some(Err(fault)),
    };
    let (call, is_plain) = call(&asked)?;
    let shape = match shape {
        _ if is_plain => Shape::Plain,
        Some(shape) => shape,
        None => Shape::Framed,
    };
    if options.is_nothing() && matches!(shape, Shape::Framed | Shape::Plain) {
        return None;
    }
    let fits = match call {
        Call::Logs { .. } => true,
        Call::File { .. } => !options.until_dead && !options.repair,
        Call::Monitor => options.is_nothing(),
    };
    if !fits {
        return Some(Err(bad(
            "gateway_until and gateway_rotation are for logs, the others for logs and files",
        )));
    }
    let after = match after(request.headers(), &query, shape).map(|text| call.position(&text)) {
        None => None,
        Some(Some(place)) => Some(place),
        Some(None) => {
            return Some(Err(bad("gateway_after must be a byte and a file of this stream")));
        }
    };
    let Options { until_dead, repair, resume, .. } = options;
    Some(Ok(Wish { call, shape, until_dead, repair, resume, after }))
}

/// Where the caller was.
fn after(headers: &HeaderMap, query: &Query<'_>, shape: Shape) -> Option<String> {
    if let Some(after) = query.first(AFTER) {
        return Some(after.into_owned());
    }
    let last = headers.get(LAST_EVENT_ID).filter(|_| shape == Shape::Events)?;
    last.to_str().ok().filter(|last| !last.is_empty()).map(str::to_owned)
}

fn may_be_repaired(path: &str) -> bool {
    match path.strip_prefix("/v1/client/fs/") {
        Some(call) => call.starts_with("logs/") || call.starts_with("stream/"),
        None => path == "/v1/agent/monitor",
    }
}

/// A form that is asked for by its own name; `*/*` asks for none.
fn accepted(headers: &HeaderMap) -> Option<Shape> {
    let accept = headers.get(ACCEPT)?.to_str().ok()?;
    accept.split(',').find_map(|kind| match kind.split(';').next().unwrap_or_default().trim() {
        EVENTS => Some(Shape::Events),
        NDJSON => Some(Shape::Ndjson),
        _ => None,
    })
}

/// What is read, and whether without frames; nothing where the agent will complain about a parameter.
fn call(asked: &nomad_wire::Call) -> Option<(Call, bool)> {
    let allocation = || asked.route.allocation().and_then(|id| id.id().ok().copied());
    match asked.params.as_ref().ok()? {
        Params::Logs(logs) => {
            let stem = format!("alloc/logs/{}.{}.", logs.task, logs.log_type.as_str());
            let call = Call::Logs {
                allocation: allocation()?,
                task: logs.task.to_string(),
                stem,
                follow: logs.follow,
                origin: logs.origin,
                offset: logs.offset,
            };
            Some((call, logs.plain))
        }
        Params::Stream(file) => {
            let call = Call::File {
                allocation: allocation()?,
                // In events and questions of our own paths are text: what is none is not repaired.
                path: String::from_utf8(file.path.to_vec()).ok()?,
                follow: file.follow,
                origin: file.origin,
                offset: file.offset,
            };
            Some((call, false))
        }
        Params::Monitor(monitor) => Some((Call::Monitor, monitor.plain)),
        Params::None
        | Params::Export(_)
        | Params::Pprof(_)
        | Params::List(_)
        | Params::Stat(_)
        | Params::Cat(_)
        | Params::ReadAt(_)
        | Params::Snapshot => None,
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Options {
    until_dead: bool,
    repair: bool,
    resume: bool,
    after: bool,
}

impl Options {
    fn of(query: &Query<'_>) -> Result<Self, Fault> {
        let mut options = Self::default();
        for (key, value) in query.pairs().filter(|(key, _)| key.starts_with(PREFIX)) {
            match (&*key, &*value) {
                (UNTIL, "dead") => options.until_dead = true,
                (UNTIL, _) => return Err(bad("gateway_until must be dead")),
                (ROTATION, "repair") => options.repair = true,
                (ROTATION, _) => return Err(bad("gateway_rotation must be repair")),
                (RESUME, "true" | "1") => options.resume = true,
                (RESUME, "false" | "0") => options.resume = false,
                (RESUME, _) => return Err(bad("gateway_resume must be true or false")),
                (AFTER, _) => options.after = true,
                _ => return Err(bad("the gateway knows no such parameter")),
            }
        }
        Ok(options)
    }

    const fn is_nothing(self) -> bool {
        !self.until_dead && !self.repair && !self.resume && !self.after
    }
}

fn bad(text: &'static str) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";

    fn wish(path: &str, accept: &str) -> Option<Result<Wish, Fault>> {
        let path = path.replace("ALLOC", ALLOC);
        of(&Request::get(path).header(ACCEPT, accept).body(()).unwrap())
    }

    #[test]
    fn nothing_is_done_that_nobody_asked_for() {
        for path in [
            "/v1/client/fs/logs/ALLOC?task=a&type=stdout&follow=true",
            "/v1/client/fs/stream/ALLOC?path=a",
            "/v1/agent/monitor?plain=true",
            "/v1/jobs?gateway_until=dead",
            "/v1/client/fs/cat/ALLOC?path=a&gateway_resume=true",
            // The agent will say what is wrong.
            "/v1/client/fs/logs/ALLOC?gateway_until=dead",
        ] {
            assert_eq!(wish(path, "*/*, application/json"), None, "{path}");
        }
        assert_eq!(wish("/v1/agent/monitor?plain=true", EVENTS), None, "plain is plain");
    }

    #[test]
    fn what_is_asked_for_is_understood() {
        let logs = "/v1/client/fs/logs/ALLOC?task=web&type=stderr&follow=true&offset=7";
        let all = format!("{logs}&gateway_until=dead&gateway_rotation=repair&gateway_resume=1");
        let wish_of = |path: &str, accept| wish(path, accept).unwrap().unwrap();
        let all = wish_of(&all, "text/html, application/x-ndjson;q=0.9");
        assert_eq!(all.words(None), "until-dead, repair-rotation, resume, ndjson");
        let Call::Logs { stem, offset: 7, follow: true, .. } = &all.call else { panic!("{all:?}") };
        assert_eq!(stem, "alloc/logs/web.stderr.");
        let shared = HeaderValue::from_static("shared");
        let monitor = wish_of("/v1/agent/monitor", EVENTS);
        assert_eq!(monitor.words(Some(&shared)), "shared, events");
        let plain = format!("{logs}&plain=true&gateway_resume=true");
        assert_eq!(wish_of(&plain, EVENTS).shape, Shape::Plain);
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let logs = "/v1/client/fs/logs/ALLOC?task=web&type=stderr";
        for (path, text) in [
            (format!("{logs}&gateway_until=running"), "gateway_until must be dead"),
            (format!("{logs}&gateway_rotation="), "gateway_rotation must be repair"),
            (format!("{logs}&gateway_resume=yes"), "gateway_resume must be true or false"),
            (format!("{logs}&gateway_untill=dead"), "the gateway knows no such parameter"),
            (
                format!("{logs}&gateway_after=7+alloc/logs/web.stdout.0"),
                "gateway_after must be a byte and a file of this stream",
            ),
            (
                "/v1/agent/monitor?gateway_resume=true".to_owned(),
                "gateway_until and gateway_rotation are for logs, the others for logs and files",
            ),
        ] {
            let fault = wish(&path, "*/*").unwrap().unwrap_err();
            assert_eq!((fault.status().as_u16(), fault.text()), (400, text), "{path}");
        }
    }
}
