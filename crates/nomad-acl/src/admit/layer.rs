//! Puts [`Admit`] in front of a service.

use tower_layer::Layer;

use super::{Admit, OnDefer};

/// Layers [`Admit`] over whatever takes an [`Admitted`](super::Admitted) question.
#[derive(Debug, Clone, Copy, Default)]
pub struct AdmitLayer {
    on_defer: OnDefer,
}

impl AdmitLayer {
    /// Says what becomes of a question that cannot be decided here; without this it is refused.
    #[must_use]
    pub const fn new(undecided: OnDefer) -> Self {
        Self { on_defer: undecided }
    }
}

impl<S> Layer<S> for AdmitLayer {
    type Service = Admit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Admit::new(inner).on_defer(self.on_defer)
    }
}
