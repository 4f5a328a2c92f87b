//! Puts [`Resolve`] in front of a service.

use tower_layer::Layer;

use super::Resolve;

/// Layers [`Resolve`] over whatever takes a [`Resolved`](super::Resolved) request.
#[derive(Debug, Clone, Copy, Default)]
pub struct ResolveLayer;

impl<S> Layer<S> for ResolveLayer {
    type Service = Resolve<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Resolve::new(inner)
    }
}
