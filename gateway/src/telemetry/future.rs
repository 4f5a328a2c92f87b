//! The answer, with its visit in its body.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Response, StatusCode};
use nomad_forward::tunnel::Tally;
use pin_project::pin_project;

use super::{WatchedBody, visit::Visit};

/// The answer to a request that is told about.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    inner: F,
    visit: Option<Visit>,
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, visit: Visit) -> Self {
        Self { inner, visit: Some(visit) }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<WatchedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        let mut visit = this.visit.take();
        if let Some(visit) = &mut visit {
            visit.answered(&response);
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(tally) = response.extensions().get::<Tally>()
            && let Some(visit) = visit.take()
        {
            // The body of a 101 is over at once; the websocket behind it is not.
            tokio::spawn(visit.follow(tally.clone()));
        }
        Poll::Ready(Ok(response.map(|body| WatchedBody::new(body, visit))))
    }
}
