//! Puts [`StatusFix`] in front of a service.

use tower_layer::Layer;

use super::StatusFix;

/// Layers [`StatusFix`] over whatever takes a [`UpstreamRequest`](crate::select::UpstreamRequest) request.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct StatusFixLayer;

impl StatusFixLayer {
    /// The layer.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for StatusFixLayer {
    type Service = StatusFix<S>;

    fn layer(&self, inner: S) -> Self::Service {
        StatusFix::new(inner)
    }
}
