//! Puts [`Rescue`] in front of a service.

use tower_layer::Layer;

use super::{DenialDetail, Rescue};

/// Layers [`Rescue`] over the whole chain.
#[derive(Debug, Clone, Copy, Default)]
pub struct RescueLayer {
    denials: DenialDetail,
}

impl RescueLayer {
    /// Says how much a caller is told who may not.
    #[must_use]
    pub const fn new(denials: DenialDetail) -> Self {
        Self { denials }
    }
}

impl<S> Layer<S> for RescueLayer {
    type Service = Rescue<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Rescue::new(inner, self.denials)
    }
}
