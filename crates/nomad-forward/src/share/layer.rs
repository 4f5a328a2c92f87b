//! Puts [`Share`] in front of a service.

use std::marker::PhantomData;

use http_body::Body;
use tower_layer::Layer;

use super::{Share, Shares};

/// Layers [`Share`] over whatever takes a [`Resolved`](crate::resolve::Resolved) request and answers with the body `R`.
#[derive(Debug, Clone)]
pub struct ShareLayer<R> {
    shares: Shares,
    body: PhantomData<fn() -> R>,
}

impl<R> ShareLayer<R> {
    /// Shares within these bounds.
    #[must_use]
    pub const fn new(shares: Shares) -> Self {
        Self { shares, body: PhantomData }
    }
}

impl<S, R: Body> Layer<S> for ShareLayer<R> {
    type Service = Share<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Share::new(inner, self.shares.clone())
    }
}
