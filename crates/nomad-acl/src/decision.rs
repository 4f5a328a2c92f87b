//! What came out of a question, and why.

use thiserror::Error;

use crate::Right;

/// The answer of an [`Acl`](crate::Acl).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a question is answered with yes or no")]
pub enum Decision {
    /// It is allowed.
    Allow,
    /// It is not.
    Deny(Reason),
}

/// Why something was denied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Reason {
    /// A right that no policy of the token grants.
    #[error("missing {0}")]
    Missing(Right),
}
