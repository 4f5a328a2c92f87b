//! Puts [`Admit`] in front of a service.

use tower_layer::Layer;

use super::Admit;

/// Layers [`Admit`] over whatever takes an [`Admitted`](super::Admitted) question.
#[derive(Debug, Clone, Copy, Default)]
pub struct AdmitLayer;

impl<S> Layer<S> for AdmitLayer {
    type Service = Admit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Admit::new(inner)
    }
}
