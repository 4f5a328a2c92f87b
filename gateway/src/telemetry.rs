//! What the gateway tells about itself: numbers for Prometheus ([`Metrics`]), and a line for every request
//! ([`AccessLog`]).
//!
//! [`Telemetry`] stands around everything else. It looks at requests and answers from outside, counts the bytes of
//! bodies as they pass, and says what happened when the last one has gone, the caller has left, or a websocket has
//! ended. Nothing in it waits for anybody: a log that cannot be written as fast as requests come loses lines, and the
//! loss is counted.

mod access_log;
mod access_log_line;
mod body;
mod exposition;
mod future;
mod in_flight_request;
mod metrics;
mod route_class;

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

pub(crate) use self::exposition::ExpositionFormat;
pub use self::{body::TelemetryBody, metrics::Metrics};
pub use crate::telemetry::access_log::{AccessLog, AccessLogError};
use crate::telemetry::in_flight_request::InFlightRequest;

/// Counts and logs what passes through `S`.
#[derive(Debug, Clone)]
pub struct Telemetry<S> {
    inner: S,
    metrics: Arc<Metrics>,
    access_log: Option<AccessLog>,
}

impl<S> Telemetry<S> {
    /// Tells about `inner`.
    pub const fn new(inner: S, metrics: Arc<Metrics>, log: Option<AccessLog>) -> Self {
        Self { inner, metrics, access_log: log }
    }
}

impl<S, B, R> Service<Request<B>> for Telemetry<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<TelemetryBody<R>>;
    type Error = S::Error;
    type Future = future::ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let visit = InFlightRequest::start(
            &mut request,
            Arc::clone(&self.metrics),
            self.access_log.as_ref(),
        );
        future::ResponseFuture::new(self.inner.call(request), visit)
    }
}
