//! Response future: an error that is known at once, or the inner response.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use pin_project::pin_project;

/// A fault that is known at once, or the answer of the inner service.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F, E> {
    #[pin]
    state: State<F, E>,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<F, E> {
    Failed(Option<E>),
    Calling(#[pin] F),
}

impl<F, E> ResponseFuture<F, E> {
    pub(crate) const fn failed(error: E) -> Self {
        Self { state: State::Failed(Some(error)) }
    }

    pub(crate) const fn calling(answer: F) -> Self {
        Self { state: State::Calling(answer) }
    }
}

impl<F, R, E, X> Future for ResponseFuture<F, X>
where
    F: Future<Output = Result<R, E>>,
    E: From<X>,
{
    type Output = Result<R, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Failed(error) => Poll::Ready(Err(error
                .take()
                .expect("a finished future is not polled again")
                .into())),
            StateProjection::Calling(answer) => answer.poll(cx),
        }
    }
}
