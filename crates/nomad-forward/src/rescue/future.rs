//! The inner answer, or the one that is made of its error.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::Response;
use pin_project::pin_project;

use super::{Denials, RescuedBody, fault};
use crate::{Error, outages::Outages};

/// An answer in any case.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    inner: F,
    denials: Denials,
    outages: Arc<Outages>,
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, denials: Denials, outages: Arc<Outages>) -> Self {
        Self { inner, denials, outages }
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, Error>>,
{
    type Output = Result<Response<RescuedBody<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(Ok(match ready!(this.inner.poll(cx)) {
            Ok(answer) => {
                this.outages.answered(answer.headers());
                answer.map(RescuedBody::answer)
            }
            Err(error) => fault::answer(&error, *this.denials, this.outages),
        }))
    }
}
