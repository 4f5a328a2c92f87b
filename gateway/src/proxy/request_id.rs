//! `request_id`: gives every request an id and a tracing span, and logs its response.

mod body;
mod context;
mod future;
mod ids;
mod parent;
mod state;

use std::task::{Context, Poll};

use http::{HeaderValue, Request, Response};
use tower_service::Service;
use tracing::{Instrument as _, Span, field::Empty};

use self::ids::Ids;
pub use self::{
    body::TracedBody,
    parent::{SpanId, TraceId, TraceParent},
};

/// Gives each request an id and a span, and logs answers. The query stays out of the log: values in it may be somebody's
/// secret.
///
/// The span carries `request_id`, `trace_id` where the client sent one, `route`, and `agent` as soon as it is known. Its level is
/// `ERROR`: it is there for every line that may be written inside it, and is gone only when nothing is logged at all.
#[derive(Debug, Clone)]
pub struct RequestId<S> {
    inner: S,
    ids: Ids,
}

impl<S> RequestId<S> {
    /// Traces `inner`.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self { inner, ids: Ids::new() }
    }
}

impl<S, B, R> Service<Request<B>> for RequestId<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<TracedBody<R>>;
    type Error = S::Error;
    type Future = future::ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let id = self.ids.name(request.headers_mut());
        let parent = context::replace_servers(request.headers_mut(), &self.ids);
        let span = span(&id, parent.as_ref());
        if let Some(parent) = parent {
            request.extensions_mut().insert(parent);
        }
        let line = tracing::enabled!(tracing::Level::DEBUG)
            .then(|| future::RequestLog::from_request(&request));
        let answer = span.in_scope(|| self.inner.call(request));
        future::ResponseFuture::new(answer.instrument(span), id, line)
    }
}

/// The span of a request, which stands in no other.
fn span(id: &HeaderValue, parent: Option<&TraceParent>) -> Span {
    let id = id.to_str().unwrap_or("-");
    tracing::error_span!(
        target: "gateway",
        parent: None,
        "request",
        request_id = id,
        trace_id = parent.map(|parent| parent.trace.as_str()),
        route = Empty,
        agent = Empty,
    )
}
