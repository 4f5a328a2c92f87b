//! Puts [`Guard`] in front of a service.

use tower_layer::Layer;

use super::Guard;

/// Layers [`Guard`] over whatever takes an [`Addressed`](crate::address::Addressed) request.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct GuardLayer;

impl GuardLayer {
    /// The layer.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Guard::new(inner)
    }
}
