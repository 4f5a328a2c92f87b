//! Puts [`Coalesce`] in front of a service.

use std::marker::PhantomData;

use http_body::Body;
use tower_layer::Layer;

use super::{Coalesce, CoalescedRequests};

/// Layers [`Coalesce`] over whatever takes a [`UpstreamRequest`](crate::select::UpstreamRequest) request and answers with the body `R`.
#[derive(Debug, Clone)]
pub struct CoalesceLayer<R> {
    shares: CoalescedRequests,
    body: PhantomData<fn() -> R>,
}

impl<R> CoalesceLayer<R> {
    /// Shares within these bounds.
    #[must_use]
    pub const fn new(shares: CoalescedRequests) -> Self {
        Self { shares, body: PhantomData }
    }
}

impl<S, R: Body> Layer<S> for CoalesceLayer<R> {
    type Service = Coalesce<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Coalesce::new(inner, self.shares.clone())
    }
}
