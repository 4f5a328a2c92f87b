//! The inner answer at once, or a share of one.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use http_body_util::Either;
use pin_project::pin_project;

use super::GatherBody;

type Sharing<R, E> = Pin<Box<dyn Future<Output = Result<Response<GatherBody<R>>, E>> + Send>>;

/// The answer to a request that may be shared.
#[pin_project]
pub struct ResponseFuture<F, R, E> {
    #[pin]
    state: State<F, R, E>,
}

#[pin_project(project = StateProjection)]
enum State<F, R, E> {
    Alone(#[pin] F),
    Shared(Sharing<R, E>),
}

impl<F, R, E> std::fmt::Debug for ResponseFuture<F, R, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<F, R, E> ResponseFuture<F, R, E> {
    pub(super) const fn alone(answer: F) -> Self {
        Self { state: State::Alone(answer) }
    }

    pub(super) const fn shared(answer: Sharing<R, E>) -> Self {
        Self { state: State::Shared(answer) }
    }
}

impl<F, R, E> Future for ResponseFuture<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<GatherBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Alone(answer) => {
                answer.poll(cx).map_ok(|response| response.map(Either::Left))
            }
            StateProjection::Shared(answer) => answer.as_mut().poll(cx),
        }
    }
}
