//! The body of a response, in the span of its request.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use tracing::Span;

/// A body that is read in the span of its request.
#[pin_project]
#[derive(Debug)]
pub struct TracedBody<R> {
    #[pin]
    inner: R,
    span: Span,
}

impl<R> TracedBody<R> {
    pub(super) const fn new(inner: R, span: Span) -> Self {
        Self { inner, span }
    }
}

impl<R: Body<Data = Bytes>> Body for TracedBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        let this = self.project();
        let _entered = this.span.enter();
        this.inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
