//! Response future that adds the request id to the response and logs it.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use http::{HeaderMap, HeaderValue, Method, Request, Response};
use nomad_forward::attribution::responding_agent;
use nomad_wire::header::{X_NOMAD_GATEWAY_PATH, X_REQUEST_ID};
use pin_project::pin_project;
use tracing::{Span, instrument::Instrumented};

use super::TracedBody;

/// The traced answer.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    inner: Instrumented<F>,
    id: Option<HeaderValue>,
    line: Option<RequestLog>,
}

/// What is logged of a request.
#[derive(Debug)]
pub(super) struct RequestLog {
    method: Method,
    path: Box<str>,
    since: Instant,
}

impl RequestLog {
    pub(super) fn from_request<B>(request: &Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            path: request.uri().path().into(),
            since: Instant::now(),
        }
    }

    fn log<R>(&self, response: &Response<R>, id: &HeaderValue, span: &Span) {
        let headers = response.headers();
        tracing::debug!(
            target: "gateway",
            parent: span,
            method = %self.method,
            path = %self.path,
            status = response.status().as_u16(),
            agent = text(responding_agent(response)),
            via = text(headers.get(X_NOMAD_GATEWAY_PATH)),
            duration = ?self.since.elapsed(),
            request_id = text(Some(id)),
            "request answered"
        );
    }
}

fn text(value: Option<&HeaderValue>) -> &str {
    value.and_then(|value| value.to_str().ok()).unwrap_or("-")
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(
        inner: Instrumented<F>,
        id: HeaderValue,
        line: Option<RequestLog>,
    ) -> Self {
        Self { inner, id: Some(id), line }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<TracedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut response = ready!(this.inner.as_mut().poll(cx))?;
        let span = this.inner.span();
        if let Some(id) = this.id.take() {
            if let Some(line) = this.line {
                line.log(&response, &id, span);
            }
            insert_id(response.headers_mut(), id);
        }
        let span = span.clone();
        Poll::Ready(Ok(response.map(|body| TracedBody::new(body, span))))
    }
}

fn insert_id(headers: &mut HeaderMap, id: HeaderValue) {
    headers.insert(X_REQUEST_ID, id);
}
