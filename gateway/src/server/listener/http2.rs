//! HTTP/2 on one connection, where TLS has settled on it.
//!
//! Behind it nobody sees the difference: requests are given the form that they would have over HTTP/1.1, and what must
//! not stand in an answer of HTTP/2 is taken out by the library. What HTTP/1.1 bounds by connections is bounded here by
//! streams: how many there are, how long a connection without any stays, and how often requests are given up.
//! Websockets (RFC 8441) are not offered, so that browsers open a connection of HTTP/1.1 for them.

mod normalize;
mod streams;

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::TryFutureExt as _;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http2::Builder, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_util::task::TaskTracker;
use tower_service::Service;

use self::streams::{GuardedBody, StreamCounters, StreamGuard};
use super::{
    IncomingBody, call_when_ready,
    flush_before_error::{CountFlushes, FlushBeforeErrorBody, FlushCounter},
    log_connection_end,
    proxy_protocol::Origin,
};
use crate::Shutdown;

/// Requests at once on one connection: as many as Nomad allows connections from one address by default.
const MAX_STREAMS: u32 = 100;

/// All headers of a request, unpacked: the longest URI, and tokens and cookies of a whole company beside it. Each stream may
/// hold as much, so that it is less than over HTTP/1.1.
const MAX_HEADERS: u32 = 256 << 10;

/// What may be on its way to the gateway unread, by stream and on the whole connection: a megabyte keeps an upload going
/// over a link of 80 Mbit/s with a tenth of a second between both ends.
const WINDOW_SIZE: u32 = 1 << 20;

/// What is kept of an answer for a caller who does not read, by stream; then its agent waits.
const MAX_SEND_BUFFER: usize = 64 << 10;

/// Streams that were reset before they were looked at, as in a flood of resets (CVE-2023-44487); more end the connection.
const MAX_PENDING_RESETS: usize = 20;

/// Streams that the gateway itself reset because of what the caller did on them; more end the connection.
const MAX_LOCAL_ERROR_RESETS: usize = 256;

/// So often a caller is asked whether it is still there; balancers forget what is silent for a minute.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// A caller that does not answer within this time is gone, and its streams end.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The tasks of streams end with their connection; this is only for their last words.
const TASKS_TIMEOUT: Duration = Duration::from_secs(1);

/// Speaks until the connection ends, or until its grace has passed.
pub(super) async fn serve<I, S, R>(io: I, origin: Origin, service: S, mut stop: Shutdown)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<IncomingBody>, Response = Response<R>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let streams = Arc::new(StreamCounters::default());
    let begin = Arc::clone(&streams);
    let flushes = FlushCounter::default();
    let io = CountFlushes::new(TokioIo::new(io), flushes.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        normalize::normalize(&mut request);
        origin.mark(&mut request);
        let stream = StreamGuard::start(Arc::clone(&begin));
        let flushes = flushes.clone();
        let hold = |body| GuardedBody::new(FlushBeforeErrorBody::new(body, flushes), stream);
        let request = request.map(IncomingBody::from_http2);
        call_when_ready::call_when_ready(&mut service.clone(), request)
            .map_ok(|answer| answer.map(hold))
    });
    let tasks = TaskTracker::new();
    {
        let http = builder(tasks.clone());
        let mut serving = pin!(http.serve_connection(io, service));
        let result = tokio::select! {
            result = serving.as_mut() => Some(result),
            () = stop.drain_started() => None,
            // The caller is told to go, and what it has begun goes on.
            () = streams.close_due() => {
                serving.as_mut().graceful_shutdown();
                tokio::select! {
                    result = serving.as_mut() => Some(result),
                    () = stop.drain_started() => None,
                }
            }
        };
        log_connection_end(match result {
            Some(result) => result,
            None => {
                serving.as_mut().graceful_shutdown();
                stop.within_grace(serving).await.unwrap_or(Ok(()))
            }
        });
    }
    tasks.close();
    // They hear of the end by themselves: nobody is left to write to.
    drop(timeout(TASKS_TIMEOUT, tasks.wait()).await);
}

fn builder(tasks: TaskTracker) -> Builder<StreamExecutor> {
    let mut http = Builder::new(StreamExecutor(tasks));
    http.timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADERS)
        .initial_stream_window_size(WINDOW_SIZE)
        .initial_connection_window_size(WINDOW_SIZE)
        .max_send_buf_size(MAX_SEND_BUFFER)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_LOCAL_ERROR_RESETS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    http
}

/// Runs each stream of a connection in a task of its own, and knows when the last has ended.
#[derive(Debug, Clone)]
struct StreamExecutor(TaskTracker);

impl<F> hyper::rt::Executor<F> for StreamExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, stream: F) {
        drop(self.0.spawn(stream));
    }
}
