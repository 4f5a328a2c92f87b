//! Why there is no ACL for a token.

use std::sync::Arc;

use thiserror::Error;

use super::LookUpError;
use crate::PolicyError;

/// Why there is no ACL for a token. "No such token" and "nobody could be asked" are different answers.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokensError {
    /// The servers know no such token.
    #[error("ACL token not found")]
    NotFound,
    /// The token's time is over.
    #[error("ACL token expired")]
    Expired,
    /// A policy of the token cannot be read. Nomad then refuses the token altogether, because the
    /// policy may be newer than the reader and may deny what another one grants.
    #[error("failed to parse {name:?}: {source}")]
    Policy {
        /// The policy.
        name: Arc<str>,
        /// What is wrong with it.
        source: PolicyError,
    },
    /// No server could be asked, and nothing is remembered.
    #[error("cannot resolve the token")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<LookUpError> for TokensError {
    fn from(error: LookUpError) -> Self {
        match error {
            LookUpError::NotFound | LookUpError::Unconfirmed => Self::NotFound,
            LookUpError::Expired => Self::Expired,
            LookUpError::Policy { name, source } => Self::Policy { name, source },
            unavailable @ LookUpError::Unavailable(_) => Self::Unavailable(Box::new(unavailable)),
        }
    }
}
