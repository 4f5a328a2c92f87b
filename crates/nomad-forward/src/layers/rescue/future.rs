//! Response future: the inner response, or one made of its error.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::Response;
use pin_project::pin_project;

use super::{DenialDetail, RescueBody, error_response};
use crate::{Error, layers::outages::Outages};

/// An answer in any case.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    state: State<F>,
    denials: DenialDetail,
    outages: Arc<Outages>,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<F> {
    Failed(Option<Error>),
    Calling(#[pin] F),
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, denials: DenialDetail, outages: Arc<Outages>) -> Self {
        Self { state: State::Calling(inner), denials, outages }
    }

    pub(super) const fn failed(error: Error, denials: DenialDetail, outages: Arc<Outages>) -> Self {
        Self { state: State::Failed(Some(error)), denials, outages }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<Error>,
{
    type Output = Result<Response<RescueBody<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let error = match this.state.project() {
            StateProjection::Failed(error) => {
                error.take().expect("a finished future is not polled again")
            }
            StateProjection::Calling(answer) => match ready!(answer.poll(cx)) {
                Ok(answer) => {
                    this.outages.record_success(&answer);
                    return Poll::Ready(Ok(answer.map(RescueBody::inner)));
                }
                Err(error) => error.into(),
            },
        };
        Poll::Ready(Ok(error_response::from_error(&error, *this.denials, this.outages)))
    }
}
