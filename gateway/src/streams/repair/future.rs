//! The inner answer at once, or the repaired one.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use http_body_util::Either;
use pin_project::pin_project;

use super::RepairBody;

type Repairing<R> = Pin<Box<dyn Future<Output = Response<RepairBody<R>>> + Send>>;

/// The answer, as it came or repaired.
#[pin_project]
pub struct ResponseFuture<F, R> {
    #[pin]
    state: State<F, R>,
}

#[pin_project(project = StateProjection)]
enum State<F, R> {
    Plain(#[pin] F),
    Repaired(Repairing<R>),
}

impl<F, R> std::fmt::Debug for ResponseFuture<F, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<F, R> ResponseFuture<F, R> {
    pub(super) const fn plain(answer: F) -> Self {
        Self { state: State::Plain(answer) }
    }

    pub(super) const fn repaired(answer: Repairing<R>) -> Self {
        Self { state: State::Repaired(answer) }
    }
}

impl<F, R> Future for ResponseFuture<F, R>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
{
    type Output = Result<Response<RepairBody<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Plain(answer) => {
                answer.poll(cx).map_ok(|response| response.map(Either::Left))
            }
            StateProjection::Repaired(answer) => answer.as_mut().poll(cx).map(Ok),
        }
    }
}
