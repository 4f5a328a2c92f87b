//! `monitor_fanout`: one upstream monitor for all clients that ask for the same.
//!
//! A monitor costs the agent work for every line, at `TRACE` a great deal of it, and a connection. Monitors are the same when
//! they ask the same agent for the same level, form and style; whether a caller may see one was decided before it comes
//! here. Where the agent is to decide itself ([`Decision::Defer`](nomad_acl::Decision::Defer)) every caller keeps a monitor of their own.
//!
//! ```text
//!  agent ──► one answer ──► whole lines ──► a queue of 512 lines each ──► callers
//! ```
//!
//! Nobody can tell a shared monitor by its bytes. A caller begins with a whole line, one who reads too slowly is told in Nomad's
//! own words how many lines are missing, and never holds up another; when the last caller leaves the request ends.
//! A line may be as long as a queue; who has no room for all of it reads its beginning, and it counts as missing. Compression
//! is not asked for, since lines must be seen.

mod body;
mod key;
mod line_splitter;
mod monitor;
mod pump;
mod segment_queue;
mod shared_monitors;

use std::{
    future::{poll_fn, ready},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{ACCEPT_ENCODING, RETRY_AFTER},
};
use http_body::Body;
use http_body_util::Either;
use nomad_acl::{AccessRequest as _, Admitted};
use nomad_forward::{attribution::conceal_agent, locate::Located};
use nomad_wire::{HttpError, call::Params};
use tower_service::Service;
use tracing::Instrument as _;

pub use self::{body::SharedMonitorBody, shared_monitors::SharedMonitors};
use self::{
    key::MonitorKey,
    monitor::{MonitorHead, Publisher, Subscription},
    shared_monitors::JoinOutcome,
};
use crate::proxy::response_future::ResponseFuture;

/// The agent's own answer, or a share of one.
pub type MonitorFanoutBody<R> = Either<R, SharedMonitorBody>;

/// CoalescedRequests the monitors that `inner` answers.
#[derive(Debug, Clone)]
pub struct MonitorFanout<S> {
    inner: S,
    monitors: SharedMonitors,
}

impl<S> MonitorFanout<S> {
    /// CoalescedRequests in front of `inner`; `monitors` counts and bounds what is shared.
    pub const fn new(inner: S, monitors: SharedMonitors) -> Self {
        Self { inner, monitors }
    }
}

impl<S, B, R> Service<Admitted<Located<B>>> for MonitorFanout<S>
where
    S: Service<Admitted<Located<B>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Body + Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<MonitorFanoutBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, R, SharedMonitorBody, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut admitted: Admitted<Located<B>>) -> Self::Future {
        let is_monitor =
            matches!(admitted.get_ref().identified().call.params, Ok(Params::Monitor(_)));
        let Some(key) = is_monitor.then(|| MonitorKey::from_request(admitted.get_ref())).flatten()
        else {
            return ResponseFuture::inner(self.inner.call(admitted));
        };
        let is_unnamed = admitted.get_ref().must_conceal_agent();
        match self.monitors.join(key) {
            JoinOutcome::LimitReached => ResponseFuture::boxed(ready(Ok(limit_response()))),
            JoinOutcome::Existing(listener) => {
                // Who waits for another one's answer must not hold what the inner service keeps for a request.
                let inner = self.inner.clone();
                self.inner = inner.clone();
                ResponseFuture::boxed(concealed(
                    join_monitor(inner, listener, admitted),
                    is_unnamed,
                ))
            }
            JoinOutcome::First(listener, publisher) => {
                admitted.headers_mut().remove(ACCEPT_ENCODING);
                let answer = self.inner.call(admitted);
                ResponseFuture::boxed(concealed(
                    start_monitor(answer, listener, publisher),
                    is_unnamed,
                ))
            }
        }
    }
}

/// Shows no agent to who may not list agents: the head may be that of another caller, who may know more.
async fn concealed<R, E>(
    answer: impl Future<Output = Result<Response<R>, E>>,
    is_unnamed: bool,
) -> Result<Response<R>, E> {
    let mut response = answer.await?;
    if is_unnamed {
        conceal_agent(&mut response);
    }
    Ok(response)
}

/// The request is this caller's, but goes on without them as long as anybody listens.
async fn start_monitor<F, R, E>(
    answer: F,
    listener: Subscription,
    publisher: Publisher,
) -> Result<Response<MonitorFanoutBody<R>>, E>
where
    F: Future<Output = Result<Response<R>, E>> + Send + 'static,
    E: Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (refuse, refused) = tokio::sync::oneshot::channel();
    let pump = pump::run(answer, publisher, listener.framing(), refuse);
    listener.set_reader_task(tokio::spawn(pump.in_current_span()).abort_handle());
    match listener.head().await {
        Some(head) => Ok(monitor_response(&head, listener)),
        None => match refused.await {
            Ok(refused) => refused.map(|response| response.map(Either::Left)),
            // The task was ended from outside: the process is about to end.
            Err(_) => Ok(ended_early_response()),
        },
    }
}

async fn join_monitor<S, B, R>(
    mut inner: S,
    listener: Subscription,
    admitted: Admitted<Located<B>>,
) -> Result<Response<MonitorFanoutBody<R>>, S::Error>
where
    S: Service<Admitted<Located<B>>, Response = Response<R>>,
{
    match listener.head().await {
        Some(head) => Ok(monitor_response(&head, listener)),
        // What was refused to one caller may be answered to another one, whose token is another.
        None => {
            drop(listener);
            poll_fn(|cx| inner.poll_ready(cx)).await?;
            Ok(inner.call(admitted).await?.map(Either::Left))
        }
    }
}

fn monitor_response<R>(
    head: &Arc<MonitorHead>,
    listener: Subscription,
) -> Response<MonitorFanoutBody<R>> {
    let mut response = Response::new(Either::Right(SharedMonitorBody::new(listener)));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().clone_from(&head.headers);
    response
}

fn limit_response<R>() -> Response<MonitorFanoutBody<R>> {
    let text = "too many different monitors are open at this agent";
    let mut response: Response<SharedMonitorBody> =
        HttpError::new(StatusCode::TOO_MANY_REQUESTS, text).into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response.map(Either::Right)
}

fn ended_early_response<R>() -> Response<MonitorFanoutBody<R>> {
    let fault = HttpError::new(StatusCode::BAD_GATEWAY, "the monitor ended before it began");
    fault.into_response::<SharedMonitorBody>().map(Either::Right)
}
