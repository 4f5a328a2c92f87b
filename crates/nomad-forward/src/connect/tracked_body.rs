//! A request body that records whether it was sent whole.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use http::Request;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

/// The body of a request, and whether all of it has been handed over. A request without one needs no mark.
#[pin_project]
#[derive(Debug)]
pub(super) struct TrackedBody<B> {
    #[pin]
    body: B,
    whole: Option<EndMarker>,
}

/// Whether a body has been handed over to its end.
#[derive(Debug, Clone, Default)]
pub(super) struct EndMarker(Arc<AtomicBool>);

impl EndMarker {
    pub(super) fn is_reached(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl<B: Body> TrackedBody<B> {
    /// The request with its body watched. Nothing is to be watched where there is no body.
    pub(super) fn track(request: Request<B>) -> (Request<Self>, Option<EndMarker>) {
        let whole = (!request.body().is_end_stream()).then(EndMarker::default);
        let watched = whole.clone();
        (request.map(|body| Self { body, whole }), watched)
    }
}

impl<B> TrackedBody<B> {
    pub(super) fn into_inner(self) -> B {
        self.body
    }
}

impl<B: Body> Body for TrackedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = this.body.as_mut().poll_frame(cx);
        let is_whole = match &frame {
            Poll::Ready(None) => true,
            Poll::Ready(Some(Ok(_))) => {
                // The other end may answer as soon as it has as many bytes as were announced.
                this.body.is_end_stream() || this.body.size_hint().exact() == Some(0)
            }
            Poll::Ready(Some(Err(_))) | Poll::Pending => false,
        };
        if is_whole && let Some(EndMarker(whole)) = this.whole {
            whole.store(true, Ordering::Release);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
