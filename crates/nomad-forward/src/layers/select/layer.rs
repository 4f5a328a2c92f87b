//! Puts [`Select`] in front of a service.

use tower_layer::Layer;

use super::Select;

/// Layers [`Select`] over whatever takes a [`UpstreamRequest`](super::UpstreamRequest) request.
#[derive(Debug, Clone, Copy, Default)]
pub struct SelectLayer;

impl<S> Layer<S> for SelectLayer {
    type Service = Select<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Select::new(inner)
    }
}
