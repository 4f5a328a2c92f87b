//! REPAIR: streams of files, logs and monitors as a caller asks for them, where Nomad has no words for it.
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
//! the last frame. What is asked for stands in `X-Nomad-Gateway-Stream` of the answer.

mod asking;
mod body;
mod death;
mod gap;
#[cfg(test)]
mod law;
mod outlet;
mod place;
mod session;
mod source;
mod start;
mod wish;

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

pub use self::body::RepairedBody;
use self::{asking::Asking, outlet::Shape, wish::Wish};
use crate::passing::ResponseFuture;

/// The body of a request: the caller's, or the empty one of a question of the gateway's own.
pub type AskedBody<B> = Either<B, Empty<Bytes>>;

/// The agent's answer as it is, or repaired.
pub type RepairBody<R> = Either<R, RepairedBody>;

/// Repairs what `inner` answers, for callers who ask for it.
#[derive(Debug, Clone)]
pub struct Repair<S> {
    inner: S,
}

impl<S> Repair<S> {
    /// Repairs in front of `inner`.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B, R> Service<Request<B>> for Repair<S>
where
    S: Service<Request<AskedBody<B>>, Response = Response<R>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<RepairBody<R>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future, R, RepairedBody, Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some(wish) = wish::of(&request) else {
            return ResponseFuture::passing(self.inner.call(request.map(Either::Left)));
        };
        // Other questions may come first, so that what the inner service keeps for this one is given back.
        let inner = self.inner.clone();
        self.inner = inner.clone();
        ResponseFuture::made(async move {
            Ok(match wish {
                Ok(wish) => repaired(inner, request, wish).await,
                Err(fault) => fault.into_response::<RepairedBody>().map(Either::Right),
            })
        })
    }
}

async fn repaired<S, B, R>(mut inner: S, request: Request<B>, wish: Wish) -> Response<RepairBody<R>>
where
    S: Service<Request<AskedBody<B>>, Response = Response<R>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut asking = Asking::new(inner.clone(), &request);
    let death = match death::watch(asking.clone(), &wish).await {
        Ok(death) => death,
        // Who may not know whether the task is dead is told so, instead of a stream that never ends.
        Err(refused) => return refused.map(|body| Either::Right(RepairedBody::passing(body))),
    };
    let start = start::find(&mut asking, &wish).await;
    let answer = asking::first(&mut inner, request, &start.changes).await;
    if !source::is_framed(&answer) {
        return answer.map(Either::Left);
    }
    let (mut head, body) = answer.into_parts();
    dress(&mut head.headers, &wish);
    let body = body.map_err(Into::into).boxed_unsync();
    let body = RepairedBody::driven(|sink| session::run(asking, wish, start, body, (death, sink)));
    Response::from_parts(head, Either::Right(body))
}

fn dress(headers: &mut http::HeaderMap, wish: &Wish) {
    headers.remove(header::CONTENT_LENGTH);
    let kind = match wish.shape {
        Shape::Framed => None,
        Shape::Plain => Some("text/plain"),
        Shape::Ndjson => Some(wish::NDJSON),
        Shape::Events => Some(wish::EVENTS),
    };
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if matches!(wish.shape, Shape::Ndjson | Shape::Events) {
        headers.append(header::VARY, HeaderValue::from_static("Accept"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(words) = HeaderValue::from_str(&wish.words(headers.get(X_NOMAD_GATEWAY_STREAM))) {
        headers.insert(X_NOMAD_GATEWAY_STREAM, words);
    }
}
