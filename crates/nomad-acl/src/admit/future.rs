//! Response future: the denial, or the inner response.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use pin_project::pin_project;

use super::PermissionDenied;
use crate::RegionMismatch;

/// The answer to a question that was decided about.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    state: State<F>,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<F> {
    Denied(Option<PermissionDenied>),
    Elsewhere(Option<RegionMismatch>),
    Admitted(#[pin] F),
}

impl<F> ResponseFuture<F> {
    pub(super) const fn denied(denied: PermissionDenied) -> Self {
        Self { state: State::Denied(Some(denied)) }
    }

    pub(super) const fn region_mismatch(mismatch: RegionMismatch) -> Self {
        Self { state: State::Elsewhere(Some(mismatch)) }
    }

    pub(super) const fn admitted(answer: F) -> Self {
        Self { state: State::Admitted(answer) }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<R, E>>,
    E: From<PermissionDenied> + From<RegionMismatch>,
{
    type Output = Result<R, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Denied(denied) => Poll::Ready(Err(denied
                .take()
                .expect("a finished future is not polled again")
                .into())),
            StateProjection::Elsewhere(mismatch) => Poll::Ready(Err(mismatch
                .take()
                .expect("a finished future is not polled again")
                .into())),
            StateProjection::Admitted(answer) => answer.poll(cx),
        }
    }
}
