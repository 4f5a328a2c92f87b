//! `resume`: streams of files, logs and monitors with options that Nomad does not have.
//!
//! | asked for | by | where |
//! |---|---|---|
//! | the stream ends when its task is dead and all of its log has been sent | `gateway_until=dead` | `fs/logs` |
//! | nothing is lost when a log file is rotated | `gateway_rotation=repair` | `fs/logs` |
//! | the stream goes on after the agent's connection broke | `gateway_resume=true` | `fs/logs`, `fs/stream` |
//! | the stream goes on where the caller was | `gateway_after=<byte> <file>`, `Last-Event-ID` of events | `fs/logs`, `fs/stream` |
//! | server-sent events, or a frame a line | `Accept: text/event-stream`, `application/x-ndjson` | these and `monitor` |
//!
//! ```text
//!  the caller's request ──► the chain ──► frames ──► where is that? ──► form ──► caller
//!                             ▲                          │
//!        the end of a file, the same log again, the task's state: with the caller's own token
//! ```
//!
//! Positions are counted here and not taken from the frames, whose offsets Nomad does not keep right. A position that cannot
//! be known, or a file that was removed before it was read, is told in the stream as Nomad tells errors there: as text after
//! the last frame. What is asked for stands in `X-Nomad-Gateway-StreamGuard` of the answer.

mod backfill;
mod body;
mod frame_source;
mod resume_point;
mod session;
mod stream_options;
mod stream_start;
mod stream_writer;
mod subrequest;
mod task_watch;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body::Body;
use http_body_util::{BodyExt as _, Either, Empty};
use nomad_wire::header::X_NOMAD_GATEWAY_STREAM;
use tower_service::Service;

pub use self::body::ResumedBody;
use self::subrequest::SubrequestClient;
use crate::proxy::response_future::ResponseFuture;
use crate::proxy::streams::resume::{stream_options::StreamOptions, stream_writer::ClientFormat};

/// The body of a request: the caller's, or the empty one of a question of the gateway's own.
pub type SubrequestBody<B> = Either<B, Empty<Bytes>>;

/// The agent's answer as it is, or repaired.
pub type ResumeBody<R> = Either<R, ResumedBody>;

/// Repairs what `inner` answers, for callers who ask for it.
#[derive(Debug, Clone)]
pub struct Resume<S> {
    inner: S,
}

impl<S> Resume<S> {
    /// Repairs in front of `inner`.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B, R> Service<Request<B>> for Resume<S>
where
    S: Service<Request<SubrequestBody<B>>, Response = Response<R>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<ResumeBody<R>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future, R, ResumedBody, Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some(wish) = stream_options::from_request(&request) else {
            return ResponseFuture::inner(self.inner.call(request.map(Either::Left)));
        };
        // Other questions may come first, so that what the inner service keeps for this one is given back.
        let inner = self.inner.clone();
        self.inner = inner.clone();
        ResponseFuture::boxed(async move {
            Ok(match wish {
                Ok(wish) => respond(inner, request, wish).await,
                Err(fault) => fault.into_response::<ResumedBody>().map(Either::Right),
            })
        })
    }
}

async fn respond<S, B, R>(
    mut inner: S,
    request: Request<B>,
    wish: StreamOptions,
) -> Response<ResumeBody<R>>
where
    S: Service<Request<SubrequestBody<B>>, Response = Response<R>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut asking = SubrequestClient::new(inner.clone(), &request);
    let death = match task_watch::watch(asking.clone(), &wish).await {
        Ok(death) => death,
        // Who may not know whether the task is dead is told so, instead of a stream that never ends.
        Err(refused) => return refused.map(|body| Either::Right(ResumedBody::from_inner(body))),
    };
    let start = stream_start::find_start(&mut asking, &wish).await;
    let answer = subrequest::send_original(&mut inner, request, &start.query_changes).await;
    if !frame_source::is_framed(&answer) {
        return answer.map(Either::Left);
    }
    let (mut head, body) = answer.into_parts();
    set_headers(&mut head.headers, &wish);
    let body = body.map_err(Into::into).boxed_unsync();
    let body =
        ResumedBody::from_writer(|sink| session::run(asking, wish, start, body, (death, sink)));
    Response::from_parts(head, Either::Right(body))
}

fn set_headers(headers: &mut http::HeaderMap, wish: &StreamOptions) {
    headers.remove(header::CONTENT_LENGTH);
    let kind = match wish.format {
        ClientFormat::Framed => None,
        ClientFormat::Plain => Some("text/plain"),
        ClientFormat::Ndjson => Some(stream_options::NDJSON),
        ClientFormat::Events => Some(stream_options::EVENT_STREAM),
    };
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if matches!(wish.format, ClientFormat::Ndjson | ClientFormat::Events) {
        headers.append(header::VARY, HeaderValue::from_static("Accept"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(words) =
        HeaderValue::from_str(&wish.header_value(headers.get(X_NOMAD_GATEWAY_STREAM)))
    {
        headers.insert(X_NOMAD_GATEWAY_STREAM, words);
    }
}
