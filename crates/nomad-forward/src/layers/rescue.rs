//! `rescue`: the only layer that turns an error into a response.

mod body;
mod error_response;
mod future;
mod layer;
mod layer_error;
mod upload_text;

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use tower_service::Service;

pub use self::{body::RescueBody, layer::RescueLayer};
use crate::{Error, layers::outages::Outages};

/// How much a caller is told who may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "it is told or it is not")]
pub enum DenialDetail {
    /// `Permission denied`, as Nomad: policies stay the operator's business.
    #[default]
    Silent,
    /// The missing capability as well, in `X-Nomad-Gateway-Denied`.
    Named,
}

/// Answers every request: what goes wrong inside becomes a status and a text.
#[derive(Debug)]
pub struct Rescue<S> {
    inner: S,
    denials: DenialDetail,
    outages: Arc<Outages>,
    /// Why the inner service will not take the next request.
    failed: Option<Error>,
}

impl<S: Clone> Clone for Rescue<S> {
    fn clone(&self) -> Self {
        let Self { inner, denials, outages, .. } = self;
        // A clone has to ask whether it is ready by itself.
        let (outages, failed) = (Arc::clone(outages), None);
        Self { inner: inner.clone(), denials: *denials, outages, failed }
    }
}

impl<S> Rescue<S> {
    /// Rescues the errors of `inner`.
    pub fn new(inner: S, denials: DenialDetail) -> Self {
        Self { inner, denials, outages: Arc::default(), failed: None }
    }
}

impl<S, B, R> Service<Request<B>> for Rescue<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<Error>,
{
    type Response = Response<RescueBody<R>>;
    type Error = Infallible;
    type Future = future::ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Every request is answered, so that this becomes the answer of the one that comes.
        self.failed = ready!(self.inner.poll_ready(cx)).err().map(Into::into);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let outages = Arc::clone(&self.outages);
        match self.failed.take() {
            None => future::ResponseFuture::new(self.inner.call(request), self.denials, outages),
            Some(error) => future::ResponseFuture::failed(error, self.denials, outages),
        }
    }
}
