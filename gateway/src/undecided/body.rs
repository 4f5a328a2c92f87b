//! The body of a request that may hold a place.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use nomad_acl::Slip;
use pin_project::pin_project;

use crate::places::Place;

/// A body, with its place until it has come whole, or until it is known whose token it came with.
#[pin_project]
#[derive(Debug)]
pub struct UploadBody<B> {
    #[pin]
    inner: B,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    _place: Place,
    slip: Slip,
}

impl<B> UploadBody<B> {
    pub(super) const fn passing(inner: B) -> Self {
        Self { inner, held: None }
    }

    pub(super) const fn held(inner: B, place: Place, slip: Slip) -> Self {
        Self { inner, held: Some(Held { _place: place, slip }) }
    }
}

impl<B: Body<Data = Bytes>> Body for UploadBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let polled = this.inner.as_mut().poll_frame(cx);
        if let Some(held) = this.held
            && (held.slip.bearer().is_some()
                || matches!(polled, Poll::Ready(None | Some(Err(_))))
                || this.inner.is_end_stream())
        {
            *this.held = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
