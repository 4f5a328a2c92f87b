//! Puts [`Mend`] in front of a service.

use tower_layer::Layer;

use super::Mend;

/// Layers [`Mend`] over whatever takes a [`Resolved`](crate::resolve::Resolved) request.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct MendLayer;

impl MendLayer {
    /// The layer.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for MendLayer {
    type Service = Mend<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Mend::new(inner)
    }
}
