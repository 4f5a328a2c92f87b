//! The `gateway_*` parameters of a stream.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header::ACCEPT};
use nomad_wire::{AllocId, HttpError, Query, Route, call::Params, query::Origin};

use crate::proxy::streams::resume::{
    resume_point::{ResumePoint, log_file_number},
    stream_writer::ClientFormat,
};

/// The media type of server-sent events.
pub(super) const EVENT_STREAM: &str = "text/event-stream";
/// The media type of a JSON text a line.
pub(super) const NDJSON: &str = "application/x-ndjson";

/// All of our parameters begin with this, which none of Nomad's does.
pub(super) const PARAM_PREFIX: &str = "gateway_";
const UNTIL_PARAM: &str = "gateway_until";
const ROTATION_PARAM: &str = "gateway_rotation";
const RESUME_PARAM: &str = "gateway_resume";
const AFTER_PARAM: &str = "gateway_after";

/// What a browser sends when it opens a stream of events again: the id of the last one it got.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A stream as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StreamOptions {
    /// What is read.
    pub(super) call: StreamCall,
    /// In what form it is wanted.
    pub(super) format: ClientFormat,
    /// It ends with its task.
    pub(super) until_dead: bool,
    /// Rotations are looked after.
    pub(super) repair_rotation: bool,
    /// It goes on when the agent's connection breaks.
    pub(super) resume: bool,
    /// It goes on where the caller was before.
    pub(super) resume_point: Option<ResumePoint>,
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StreamCall {
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

impl StreamCall {
    /// A position in what is read, as the ids of events say it: the next byte, and its file.
    fn parse_position(&self, text: &str) -> Option<ResumePoint> {
        let (next, file) = text.split_once(' ')?;
        let is_of_it = match self {
            Self::Logs { stem, .. } => log_file_number(stem, file).is_some(),
            Self::File { path, .. } => path == file,
            Self::Monitor => false,
        };
        let place =
            ResumePoint { file: file.to_owned(), next_byte: next.parse().ok()?, is_exact: true };
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

impl StreamOptions {
    /// Each byte is wanted once, whatever the agent does.
    pub(super) const fn is_exactly_once(&self) -> bool {
        self.repair_rotation || self.resume || self.resume_point.is_some()
    }

    /// In words, for the answer's header; `already` is what others say there.
    pub(super) fn header_value(&self, already: Option<&HeaderValue>) -> String {
        let already = already.and_then(|words| words.to_str().ok());
        let own = [
            (self.until_dead, "until-dead"),
            (self.repair_rotation, "repair-rotation"),
            (self.resume, "resume"),
            (self.resume_point.is_some(), "after"),
            (self.format == ClientFormat::Events, "events"),
            (self.format == ClientFormat::Ndjson, "ndjson"),
        ];
        let own = own.into_iter().filter_map(|(is_wanted, word)| is_wanted.then_some(word));
        already.into_iter().chain(own).collect::<Vec<_>>().join(", ")
    }
}

/// What this request asks for; nothing for one that asks for nothing of the kind.
pub(super) fn from_request<B>(request: &Request<B>) -> Option<Result<StreamOptions, HttpError>> {
    if !is_stream_path(&Route::decoded_path(request.uri())) || request.method() != Method::GET {
        return None;
    }
    let query = Query::from_uri(request.uri());
    let shape = accepted_format(request.headers());
    if shape.is_none() && !query.as_str().contains(PARAM_PREFIX) {
        return None;
    }
    let asked = nomad_wire::Call::parse(request.method(), request.uri()).ok()?;
    let options = match GatewayParams::from_query(&query) {
        Ok(options) => options,
        Err(fault) => return Some(Err(fault)),
    };
    let (call, is_plain) = call(&asked)?;
    let shape = match shape {
        _ if is_plain => ClientFormat::Plain,
        Some(shape) => shape,
        None => ClientFormat::Framed,
    };
    if options.is_empty() && matches!(shape, ClientFormat::Framed | ClientFormat::Plain) {
        return None;
    }
    let fits = match call {
        StreamCall::Logs { .. } => true,
        StreamCall::File { .. } => !options.until_dead && !options.repair_rotation,
        StreamCall::Monitor => options.is_empty(),
    };
    if !fits {
        return Some(Err(bad_request(
            "gateway_until and gateway_rotation are for logs, the others for logs and files",
        )));
    }
    let after = match parse_after(request.headers(), &query, shape)
        .map(|text| call.parse_position(&text))
    {
        None => None,
        Some(Some(place)) => Some(place),
        Some(None) => {
            return Some(Err(bad_request(
                "gateway_after must be a byte and a file of this stream",
            )));
        }
    };
    let GatewayParams { until_dead, repair_rotation: repair, resume, .. } = options;
    Some(Ok(StreamOptions {
        call,
        format: shape,
        until_dead,
        repair_rotation: repair,
        resume,
        resume_point: after,
    }))
}

/// Where the caller was.
fn parse_after(headers: &HeaderMap, query: &Query<'_>, shape: ClientFormat) -> Option<String> {
    if let Some(after) = query.first(AFTER_PARAM) {
        return Some(after.into_owned());
    }
    let last = headers.get(LAST_EVENT_ID).filter(|_| shape == ClientFormat::Events)?;
    last.to_str().ok().filter(|last| !last.is_empty()).map(str::to_owned)
}

fn is_stream_path(path: &str) -> bool {
    match path.strip_prefix("/v1/client/fs/") {
        Some(call) => call.starts_with("logs/") || call.starts_with("stream/"),
        None => path == "/v1/agent/monitor",
    }
}

/// A form that is asked for by its own name; `*/*` asks for none.
fn accepted_format(headers: &HeaderMap) -> Option<ClientFormat> {
    let accept = headers.get(ACCEPT)?.to_str().ok()?;
    accept.split(',').find_map(|kind| match kind.split(';').next().unwrap_or_default().trim() {
        EVENT_STREAM => Some(ClientFormat::Events),
        NDJSON => Some(ClientFormat::Ndjson),
        _ => None,
    })
}

/// What is read, and whether without frames; nothing where the agent will complain about a parameter.
fn call(asked: &nomad_wire::Call) -> Option<(StreamCall, bool)> {
    let allocation = || asked.route.allocation().and_then(|id| id.id().ok().copied());
    match asked.params.as_ref().ok()? {
        Params::Logs(logs) => {
            let stem = format!("alloc/logs/{}.{}.", logs.task, logs.log_type.as_str());
            let call = StreamCall::Logs {
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
            let call = StreamCall::File {
                allocation: allocation()?,
                // In events and questions of our own paths are text: what is none is not repaired.
                path: String::from_utf8(file.path.to_vec()).ok()?,
                follow: file.follow,
                origin: file.origin,
                offset: file.offset,
            };
            Some((call, false))
        }
        Params::Monitor(monitor) => Some((StreamCall::Monitor, monitor.plain)),
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
struct GatewayParams {
    until_dead: bool,
    repair_rotation: bool,
    resume: bool,
    after: bool,
}

impl GatewayParams {
    fn from_query(query: &Query<'_>) -> Result<Self, HttpError> {
        let mut options = Self::default();
        for (key, value) in query.pairs().filter(|(key, _)| key.starts_with(PARAM_PREFIX)) {
            match (&*key, &*value) {
                (UNTIL_PARAM, "dead") => options.until_dead = true,
                (UNTIL_PARAM, _) => return Err(bad_request("gateway_until must be dead")),
                (ROTATION_PARAM, "repair") => options.repair_rotation = true,
                (ROTATION_PARAM, _) => return Err(bad_request("gateway_rotation must be repair")),
                (RESUME_PARAM, "true" | "1") => options.resume = true,
                (RESUME_PARAM, "false" | "0") => options.resume = false,
                (RESUME_PARAM, _) => {
                    return Err(bad_request("gateway_resume must be true or false"));
                }
                (AFTER_PARAM, _) => options.after = true,
                _ => return Err(bad_request("the gateway knows no such parameter")),
            }
        }
        Ok(options)
    }

    const fn is_empty(self) -> bool {
        !self.until_dead && !self.repair_rotation && !self.resume && !self.after
    }
}

fn bad_request(text: &'static str) -> HttpError {
    HttpError::new(StatusCode::BAD_REQUEST, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";

    fn options_of(path: &str, accept: &str) -> Option<Result<StreamOptions, HttpError>> {
        let path = path.replace("ALLOC", ALLOC);
        from_request(&Request::get(path).header(ACCEPT, accept).body(()).unwrap())
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
            assert_eq!(options_of(path, "*/*, application/json"), None, "{path}");
        }
        assert_eq!(
            options_of("/v1/agent/monitor?plain=true", EVENT_STREAM),
            None,
            "plain is plain"
        );
    }

    #[test]
    fn what_is_asked_for_is_understood() {
        let logs = "/v1/client/fs/logs/ALLOC?task=web&type=stderr&follow=true&offset=7";
        let all = format!("{logs}&gateway_until=dead&gateway_rotation=repair&gateway_resume=1");
        let wish_of = |path: &str, accept| options_of(path, accept).unwrap().unwrap();
        let all = wish_of(&all, "text/html, application/x-ndjson;q=0.9");
        assert_eq!(all.header_value(None), "until-dead, repair-rotation, resume, ndjson");
        let StreamCall::Logs { stem, offset: 7, follow: true, .. } = &all.call else {
            panic!("{all:?}")
        };
        assert_eq!(stem, "alloc/logs/web.stderr.");
        let shared = HeaderValue::from_static("shared");
        let monitor = wish_of("/v1/agent/monitor", EVENT_STREAM);
        assert_eq!(monitor.header_value(Some(&shared)), "shared, events");
        let plain = format!("{logs}&plain=true&gateway_resume=true");
        assert_eq!(wish_of(&plain, EVENT_STREAM).format, ClientFormat::Plain);
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
            let fault = options_of(&path, "*/*").unwrap().unwrap_err();
            assert_eq!((fault.status().as_u16(), fault.text()), (400, text), "{path}");
        }
    }
}
