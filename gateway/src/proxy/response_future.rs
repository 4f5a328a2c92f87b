//! Response future: the inner response, or a boxed replacement.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use http_body_util::Either;
use pin_project::pin_project;

/// What comes of a request: the inner answer with its body `R`, or one that was made here with the body `L`.
type ResponseResult<R, L, E> = Result<Response<Either<R, L>>, E>;

/// The inner answer as it comes, or whatever is made of it.
#[pin_project]
pub struct ResponseFuture<F, R, L, E> {
    #[pin]
    state: State<F, R, L, E>,
}

#[pin_project(project = StateProjection)]
enum State<F, R, L, E> {
    Passing(#[pin] F),
    /// On the heap: it is rare, and larger than the other.
    Made(Pin<Box<dyn Future<Output = ResponseResult<R, L, E>> + Send>>),
}

impl<F, R, L, E> fmt::Debug for ResponseFuture<F, R, L, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<F, R, L, E> ResponseFuture<F, R, L, E> {
    pub(crate) const fn inner(answer: F) -> Self {
        Self { state: State::Passing(answer) }
    }

    pub(crate) fn boxed(
        answer: impl Future<Output = ResponseResult<R, L, E>> + Send + 'static,
    ) -> Self {
        Self { state: State::Made(Box::pin(answer)) }
    }
}

impl<F, R, L, E> Future for ResponseFuture<F, R, L, E>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = ResponseResult<R, L, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Passing(answer) => {
                answer.poll(cx).map_ok(|response| response.map(Either::Left))
            }
            StateProjection::Made(answer) => answer.as_mut().poll(cx),
        }
    }
}
