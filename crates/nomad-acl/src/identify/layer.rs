//! Puts [`Identify`] in front of a service.

use tower_layer::Layer;

use super::Identify;

/// Layers [`Identify`] over whatever takes a [`Identified`](super::Identified).
#[derive(Debug, Clone)]
pub struct IdentifyLayer<T> {
    tokens: T,
}

impl<T> IdentifyLayer<T> {
    /// Asks `tokens` what a caller may do.
    pub const fn new(tokens: T) -> Self {
        Self { tokens }
    }
}

impl<S, T: Clone> Layer<S> for IdentifyLayer<T> {
    type Service = Identify<S, T>;

    fn layer(&self, inner: S) -> Self::Service {
        Identify::new(inner, self.tokens.clone())
    }
}
