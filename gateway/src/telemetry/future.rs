//! The answer, with its visit in its body.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Response, StatusCode};
use nomad_forward::upgrade::TunnelStats;
use pin_project::pin_project;

use super::TelemetryBody;
use crate::telemetry::in_flight_request::InFlightRequest;

/// The answer to a request that is told about.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    inner: F,
    visit: Option<InFlightRequest>,
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, visit: InFlightRequest) -> Self {
        Self { inner, visit: Some(visit) }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<TelemetryBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        let mut visit = this.visit.take();
        if let Some(visit) = &mut visit {
            visit.record_response(&response);
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(tally) = response.extensions().get::<TunnelStats>()
            && let Some(visit) = visit.take()
        {
            // The body of a 101 is over at once; the websocket behind it is not.
            tokio::spawn(visit.follow_tunnel(tally.clone()));
        }
        Poll::Ready(Ok(response.map(|body| TelemetryBody::new(body, visit))))
    }
}
