//! RESCUE: the only room that turns an error into a status.

mod body;
mod fault;
mod future;
mod layer;

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

pub use self::{body::RescuedBody, layer::RescueLayer};
use crate::{Error, outages::Outages};

/// How much a caller is told who may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "it is told or it is not")]
pub enum Denials {
    /// `Permission denied`, as Nomad: policies stay the operator's business.
    #[default]
    Silent,
    /// The missing capability as well, in `X-Nomad-Gateway-Denied`.
    Named,
}

/// Answers every request: what goes wrong inside becomes a status and a text.
#[derive(Debug, Clone)]
pub struct Rescue<S> {
    inner: S,
    denials: Denials,
    outages: Arc<Outages>,
}

impl<S> Rescue<S> {
    /// Rescues the errors of `inner`.
    pub fn new(inner: S, denials: Denials) -> Self {
        Self { inner, denials, outages: Arc::default() }
    }
}

impl<S, B, R> Service<Request<B>> for Rescue<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Error>,
{
    type Response = Response<RescuedBody<R>>;
    type Error = Infallible;
    type Future = future::ResponseFuture<S::Future>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The layers below are always ready: they queue nothing.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let outages = Arc::clone(&self.outages);
        future::ResponseFuture::new(self.inner.call(request), self.denials, outages)
    }
}
