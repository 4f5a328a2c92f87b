//! Puts [`Address`] in front of a service.

use tower_layer::Layer;

use super::Address;

/// Layers [`Address`] over whatever takes an [`Addressed`](super::Addressed) request.
#[derive(Debug, Clone)]
pub struct AddressLayer<D> {
    directory: D,
}

impl<D> AddressLayer<D> {
    /// Asks `directory` where things are.
    pub const fn new(directory: D) -> Self {
        Self { directory }
    }
}

impl<S, D: Clone> Layer<S> for AddressLayer<D> {
    type Service = Address<S, D>;

    fn layer(&self, inner: S) -> Self::Service {
        Address::new(inner, self.directory.clone())
    }
}
