//! Either the inner answer at once, or the rewritten one.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use pin_project::pin_project;

use super::{Body, as_it_came};

type Rewriting<R> = Pin<Box<dyn Future<Output = Response<Body<R>>> + Send>>;

/// The answer, as it came or rewritten.
#[pin_project]
pub struct ResponseFuture<F, R> {
    #[pin]
    state: State<F, R>,
}

#[pin_project(project = StateProjection)]
enum State<F, R> {
    Plain(#[pin] F),
    Rewritten(Rewriting<R>),
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

    pub(super) const fn rewritten(answer: Rewriting<R>) -> Self {
        Self { state: State::Rewritten(answer) }
    }
}

impl<F, R> Future for ResponseFuture<F, R>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
{
    type Output = Result<Response<Body<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Plain(answer) => {
                answer.poll(cx).map_ok(|response| response.map(as_it_came))
            }
            StateProjection::Rewritten(answer) => answer.as_mut().poll(cx).map(Ok),
        }
    }
}
