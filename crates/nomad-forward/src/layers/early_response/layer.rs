//! Puts [`EarlyResponse`] in front of a service.

use tower_layer::Layer;

use super::EarlyResponse;

/// Layers [`EarlyResponse`] over whatever takes a [`UpstreamRequest`](crate::select::UpstreamRequest) request.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct EarlyResponseLayer;

impl EarlyResponseLayer {
    /// The layer.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for EarlyResponseLayer {
    type Service = EarlyResponse<S>;

    fn layer(&self, inner: S) -> Self::Service {
        EarlyResponse::new(inner)
    }
}
