//! Puts [`Hasten`] in front of a service.

use tower_layer::Layer;

use super::Hasten;

/// Layers [`Hasten`] over whatever takes a [`Resolved`](crate::resolve::Resolved) request.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct EarlyLayer;

impl EarlyLayer {
    /// The layer.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for EarlyLayer {
    type Service = Hasten<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Hasten::new(inner)
    }
}
