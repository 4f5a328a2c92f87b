//! A response body whose bytes are counted.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use crate::telemetry::in_flight_request::InFlightRequest;

/// A body whose bytes are counted. The visit ends with it.
#[pin_project]
#[derive(Debug)]
pub struct TelemetryBody<R> {
    #[pin]
    inner: R,
    visit: Option<InFlightRequest>,
}

impl<R> TelemetryBody<R> {
    pub(super) const fn new(inner: R, visit: Option<InFlightRequest>) -> Self {
        Self { inner, visit }
    }
}

impl<R: Body<Data = Bytes>> Body for TelemetryBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        if let Some(visit) = this.visit.as_mut() {
            if let Some(Ok(frame)) = &frame
                && let Some(data) = frame.data_ref()
            {
                visit.add_bytes(data.remaining());
            }
            if frame.is_none() || this.inner.is_end_stream() {
                visit.record_complete();
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
