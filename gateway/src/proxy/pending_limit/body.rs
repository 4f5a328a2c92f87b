//! A request body that may hold a permit.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use nomad_acl::TokenInfoSlot;
use pin_project::pin_project;

use crate::server::limiter::Permit;

/// A body, with its place until it has come whole, or until it is known whose token it came with.
#[pin_project]
#[derive(Debug)]
pub struct PendingLimitBody<B> {
    #[pin]
    inner: B,
    held: Option<HeldPermit>,
}

#[derive(Debug)]
struct HeldPermit {
    _place: Permit,
    token_slot: TokenInfoSlot,
}

impl<B> PendingLimitBody<B> {
    pub(super) const fn without_permit(inner: B) -> Self {
        Self { inner, held: None }
    }

    pub(super) const fn with_permit(inner: B, place: Permit, slip: TokenInfoSlot) -> Self {
        Self { inner, held: Some(HeldPermit { _place: place, token_slot: slip }) }
    }
}

impl<B: Body<Data = Bytes>> Body for PendingLimitBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let polled = this.inner.as_mut().poll_frame(cx);
        if let Some(held) = this.held
            && (held.token_slot.get().is_some()
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
