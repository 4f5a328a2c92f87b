//! Response future: an exclusive response, or a coalesced one.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use http_body::Body;
use pin_project::pin_project;

use super::CoalesceBody;
use crate::Error;

type SharedResponse<R> =
    Pin<Box<dyn Future<Output = Result<Response<CoalesceBody<R>>, Error>> + Send>>;

/// The answer to a request of one's own, or to a shared one.
///
/// # Cancel safety
/// Dropping it gives up waiting; a request that others wait for as well goes on.
#[pin_project]
pub struct ResponseFuture<F, R: Body> {
    #[pin]
    state: State<F, R>,
}

#[pin_project(project = StateProjection)]
enum State<F, R: Body> {
    Own(#[pin] F),
    Shared(SharedResponse<R>),
}

impl<F, R: Body> std::fmt::Debug for ResponseFuture<F, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<F, R: Body> ResponseFuture<F, R> {
    pub(super) const fn uncoalesced(answer: F) -> Self {
        Self { state: State::Own(answer) }
    }

    pub(super) const fn coalesced(answer: SharedResponse<R>) -> Self {
        Self { state: State::Shared(answer) }
    }
}

impl<F, R, E> Future for ResponseFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<Error>,
    R: Body,
{
    type Output = Result<Response<CoalesceBody<R>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Own(answer) => answer
                .poll(cx)
                .map_ok(|response| response.map(CoalesceBody::exclusive))
                .map_err(Into::into),
            StateProjection::Shared(answer) => answer.as_mut().poll(cx),
        }
    }
}
