//! `early_response`: the response head of a silent stream.
//!
//! An agent sends the head of a stream with its first byte. A plain stream of a silent log has none for hours, and a framed
//! one has none for a second, which is as long as Nomad's web page waits before it goes elsewhere. So a stream that
//! is followed gets its head from here when the agent's has not come soon after it was asked:
//!
//! ```text
//!  connected and asked ── the agent's head within 700 ms ─► as it comes, whatever its status
//!         └────────────── none ─► 200 and the type of such a stream; then whatever comes:
//!                                   the stream ── its bytes
//!                                   an error ──── its text, as Nomad writes it into a stream that has begun
//!                                   no answer ─── the transfer breaks
//! ```
//!
//! Only where the status could hardly be another one: the caller's right was decided about here, the agent itself is
//! asked and not a server in its stead, and it has accepted the connection. What is said here is said before the
//! agent says whether it compresses, so that it is asked not to. Whoever must know the status marks the request as
//! [`AwaitUpstreamStatus`].

mod body;
mod future;
mod layer;

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response,
    header::{ACCEPT_ENCODING, CONTENT_TYPE, VARY},
};
use http_body::Body;
use nomad_wire::{
    Call,
    call::Params,
    header::{X_NOMAD_GATEWAY_AGENT, X_NOMAD_GATEWAY_PATH},
};
use tokio::{sync::oneshot, time::sleep};
use tower_service::Service;

pub use self::{body::EarlyResponseBody, layer::EarlyResponseLayer};
use crate::{
    Agent, Error,
    layers::{
        attribution::{ConcealAgent, conceal_agent},
        outages::Outages,
        select::{Path, UpstreamRequest},
    },
};

/// So long after it was asked an agent's own head is waited for: most errors come within it, and it ends well before
/// the second that Nomad's web page waits.
const UPSTREAM_HEAD_TIMEOUT: Duration = Duration::from_millis(700);

/// A request whose head may be sent early.
#[derive(Debug)]
pub struct EarlyHead {
    content_type: &'static str,
    connected: Option<oneshot::Sender<ConnectedUpstream>>,
}

/// A mark among a request's extensions: whoever asks needs the agent's own status, however long it takes.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "a mark says nothing more")]
pub struct AwaitUpstreamStatus;

/// The agent that was asked, and how.
type ConnectedUpstream = (Arc<Agent>, Path);

impl EarlyHead {
    /// Whether a request is for a stream that is followed.
    pub(crate) fn of<B>(call: &Call, request: &Request<B>) -> Option<Self> {
        if request.method() != Method::GET
            || request.extensions().get::<AwaitUpstreamStatus>().is_some()
        {
            return None;
        }
        let framed_or_plain = |plain| if plain { "text/plain" } else { "application/json" };
        let content_type = match call.params.as_ref().ok()? {
            Params::Monitor(monitor) => framed_or_plain(monitor.plain),
            Params::Logs(logs) if logs.follow => framed_or_plain(logs.plain),
            Params::Stream(file) if file.follow => "text/plain; charset=utf-8",
            Params::Logs(_)
            | Params::Stream(_)
            | Params::None
            | Params::Export(_)
            | Params::Snapshot
            | Params::Pprof(_)
            | Params::List(_)
            | Params::Stat(_)
            | Params::Cat(_)
            | Params::ReadAt(_) => return None,
        };
        Some(Self { content_type, connected: None })
    }

    /// The agent itself has accepted the connection.
    pub(crate) fn notify_connected(self, agent: &Arc<Agent>, path: Path) {
        if let Some(reached) = self.connected {
            // Nobody listens when the caller is gone.
            drop(reached.send((Arc::clone(agent), path)));
        }
    }
}

/// Sends heads early for `S`.
#[derive(Debug, Clone)]
pub struct EarlyResponse<S> {
    inner: S,
    outages: Arc<Outages>,
}

impl<S> EarlyResponse<S> {
    /// Sends heads early for `inner`.
    pub fn new(inner: S) -> Self {
        Self { inner, outages: Arc::default() }
    }
}

impl<S, B, R> Service<UpstreamRequest<B>> for EarlyResponse<S>
where
    S: Service<UpstreamRequest<B>, Response = Response<R>>,
    S::Error: Into<Error>,
    S::Future: Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<EarlyResponseBody<S::Future, R>>;
    type Error = Error;
    type Future = future::ResponseFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut resolved: UpstreamRequest<B>) -> Self::Future {
        let Some(early) = &mut resolved.early_head else {
            return future::ResponseFuture::passing(self.inner.call(resolved));
        };
        let (tell, told) = oneshot::channel();
        early.connected = Some(tell);
        let form = HeadFields {
            content_type: early.content_type,
            conceal_agent: resolved.request.extensions().get() == Some(&ConcealAgent::Always),
        };
        resolved.request.headers_mut().remove(ACCEPT_ENCODING);
        let answer = Box::pin(self.inner.call(resolved));
        let due = Box::pin(async move {
            let reached = told.await.ok();
            sleep(UPSTREAM_HEAD_TIMEOUT).await;
            reached
        });
        future::ResponseFuture::racing_head(answer, due, (form, Arc::clone(&self.outages)))
    }
}

/// What an early head says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadFields {
    content_type: &'static str,
    /// The caller is not told which agent it is.
    conceal_agent: bool,
}

/// The head of a stream that nothing has come of yet.
fn early_head<B>(body: B, (agent, path): &ConnectedUpstream, form: HeadFields) -> Response<B> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(X_NOMAD_GATEWAY_AGENT, agent.name_header().clone());
    headers.insert(X_NOMAD_GATEWAY_PATH, HeaderValue::from_static(path.as_str()));
    if form.conceal_agent {
        conceal_agent(&mut response);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content_type(method: Method, uri: &str) -> Option<&'static str> {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        let call = Call::parse(request.method(), request.uri()).unwrap();
        EarlyHead::of(&call, &request).map(|early| early.content_type)
    }

    #[test]
    fn streams_that_are_followed_have_a_type() {
        let alloc = "13651909-dd6d-35ce-5da0-5004769668b3";
        let get = |path: &str| content_type(Method::GET, &path.replace("ID", alloc));
        let logs = "/v1/client/fs/logs/ID?task=a&type=stdout";
        assert_eq!(get(&format!("{logs}&follow=true&plain=true")), Some("text/plain"));
        assert_eq!(get(&format!("{logs}&follow=true")), Some("application/json"));
        assert_eq!(get("/v1/agent/monitor"), Some("application/json"));
        assert_eq!(get("/v1/agent/monitor?plain=true"), Some("text/plain"));
        assert_eq!(get("/v1/client/fs/stream/ID?path=a"), Some("text/plain; charset=utf-8"));
        for path in [
            logs,
            "/v1/client/fs/logs/ID?follow=true",
            "/v1/agent/monitor?log_level=x",
            "/v1/client/fs/stream/ID?path=a&follow=false",
            "/v1/client/fs/cat/ID?path=a",
            "/v1/agent/self",
            "/v1/event/stream",
        ] {
            assert_eq!(get(path), None, "{path}");
        }
        assert_eq!(content_type(Method::POST, "/v1/agent/monitor"), None);
        let mut patient = Request::get("/v1/agent/monitor").body(()).unwrap();
        patient.extensions_mut().insert(AwaitUpstreamStatus);
        let monitor = Call::parse(&Method::GET, patient.uri()).unwrap();
        assert!(EarlyHead::of(&monitor, &patient).is_none());
    }
}
