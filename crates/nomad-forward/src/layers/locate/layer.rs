//! Puts [`Locate`] in front of a service.

use tower_layer::Layer;

use super::Locate;

/// Layers [`Locate`] over whatever takes a [`Located`](super::Located) request.
#[derive(Debug, Clone)]
pub struct LocateLayer<D> {
    directory: D,
}

impl<D> LocateLayer<D> {
    /// Asks `directory` where things are.
    pub const fn new(directory: D) -> Self {
        Self { directory }
    }
}

impl<S, D: Clone> Layer<S> for LocateLayer<D> {
    type Service = Locate<S, D>;

    fn layer(&self, inner: S) -> Self::Service {
        Locate::new(inner, self.directory.clone())
    }
}
