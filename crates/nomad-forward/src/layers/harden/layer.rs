//! Puts [`Harden`] in front of a service.

use tower_layer::Layer;

use super::Harden;

/// Layers [`Harden`] over whatever takes a [`Located`](crate::locate::Located) request.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct HardenLayer;

impl HardenLayer {
    /// The layer.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for HardenLayer {
    type Service = Harden<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Harden::new(inner)
    }
}
