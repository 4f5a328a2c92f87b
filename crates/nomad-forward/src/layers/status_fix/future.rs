//! Response future: the response as it came, or once its text was read.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::Either;
use pin_project::pin_project;

use super::{StatusFixBody, fix_status, needs_fix};
use crate::Error;

type FixFuture<R> = Pin<Box<dyn Future<Output = Response<StatusFixBody<R>>> + Send>>;

/// The answer as it came, or once its text was read.
#[pin_project]
pub struct ResponseFuture<F, R> {
    #[pin]
    inner: F,
    is_looked_at: bool,
    mending: Option<FixFuture<R>>,
}

impl<F, R> std::fmt::Debug for ResponseFuture<F, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<F, R> ResponseFuture<F, R> {
    pub(super) const fn new(inner: F, is_looked_at: bool) -> Self {
        Self { inner, is_looked_at, mending: None }
    }
}

impl<F, R, E> Future for ResponseFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<Error>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = Result<Response<StatusFixBody<R>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.mending.is_none() {
            let response = ready!(this.inner.poll(cx)).map_err(Into::into)?;
            if !*this.is_looked_at || !needs_fix(&response) {
                return Poll::Ready(Ok(response.map(Either::Left)));
            }
            *this.mending = Some(Box::pin(fix_status(response)));
        }
        match this.mending {
            Some(mending) => mending.as_mut().poll(cx).map(Ok),
            None => Poll::Pending,
        }
    }
}
