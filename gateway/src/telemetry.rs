//! What the gateway tells about itself: numbers for Prometheus ([`Metrics`]), and a line for every request
//! ([`AccessLog`]).
//!
//! [`Telemetry`] stands around everything else. It looks at requests and answers from outside, counts the bytes of
//! bodies as they pass, and says what happened when the last one has gone, the caller has left, or a websocket has
//! ended. Nothing in it waits for anybody: a log that cannot be written as fast as requests come loses lines, and the
//! loss is counted.

mod body;
mod exposition;
mod family;
mod future;
mod line;
mod log;
mod metrics;
mod visit;

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

pub(crate) use self::exposition::Exposition;
use self::visit::Visit;
pub use self::{
    body::WatchedBody,
    log::{AccessLog, LogError},
    metrics::Metrics,
};

/// Counts and logs what passes through `S`.
#[derive(Debug, Clone)]
pub struct Telemetry<S> {
    inner: S,
    metrics: Arc<Metrics>,
    log: Option<AccessLog>,
}

impl<S> Telemetry<S> {
    /// Tells about `inner`.
    pub const fn new(inner: S, metrics: Arc<Metrics>, log: Option<AccessLog>) -> Self {
        Self { inner, metrics, log }
    }
}

impl<S, B, R> Service<Request<B>> for Telemetry<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<WatchedBody<R>>;
    type Error = S::Error;
    type Future = future::ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let visit = Visit::begin(&mut request, Arc::clone(&self.metrics), self.log.as_ref());
        future::ResponseFuture::new(self.inner.call(request), visit)
    }
}
