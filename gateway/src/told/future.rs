//! The inner answer at once, or an error as JSON.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use http_body_util::Either;
use pin_project::pin_project;

use super::ToldBody;

type Telling<R> = Pin<Box<dyn Future<Output = Response<ToldBody<R>>> + Send>>;

/// The inner answer at once, or an error as JSON.
#[pin_project]
pub struct ResponseFuture<F, R> {
    #[pin]
    state: State<F, R>,
}

#[pin_project(project = StateProjection)]
enum State<F, R> {
    Plain(#[pin] F),
    Told(Telling<R>),
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

    pub(super) const fn told(answer: Telling<R>) -> Self {
        Self { state: State::Told(answer) }
    }
}

impl<F, R> Future for ResponseFuture<F, R>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
{
    type Output = Result<Response<ToldBody<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Plain(answer) => {
                answer.poll(cx).map_ok(|response| response.map(Either::Left))
            }
            StateProjection::Told(answer) => answer.as_mut().poll(cx).map(Ok),
        }
    }
}
