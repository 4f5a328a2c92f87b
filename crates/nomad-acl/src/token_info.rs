//! Whose token it is, for logs.

use std::sync::{Arc, OnceLock};

/// Whose token it is, as far as that may be written down: its accessor id and its name, never its secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a token has these two that are no secret and no right"
)]
pub struct TokenInfo {
    /// The token's public id.
    pub accessor: Box<str>,
    /// The name that an operator gave it; often empty.
    pub name: Box<str>,
}

/// A slip on which IDENTIFY writes whose token a request came with.
///
/// Whoever wants to know puts one among the request's extensions, keeps a clone, and reads it when the answer is there.
#[derive(Debug, Clone, Default)]
pub struct TokenInfoSlot(Arc<OnceLock<Arc<TokenInfo>>>);

impl TokenInfoSlot {
    /// Whose token it was; `None` when nobody knows, as for callers without one.
    #[must_use]
    pub fn get(&self) -> Option<&TokenInfo> {
        self.0.get().map(|bearer| &**bearer)
    }

    pub(crate) fn set(&self, bearer: &Arc<TokenInfo>) {
        // A request has one token; a second writing could only say the same.
        drop(self.0.set(Arc::clone(bearer)));
    }
}
