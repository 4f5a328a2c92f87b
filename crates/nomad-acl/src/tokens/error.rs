//! Why there is no ACL for a token.

use thiserror::Error;

use super::LookUpError;

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
    /// No server could be asked, and nothing is remembered.
    #[error("cannot resolve the token")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<LookUpError> for TokensError {
    fn from(error: LookUpError) -> Self {
        match error {
            LookUpError::NotFound | LookUpError::Unconfirmed => Self::NotFound,
            LookUpError::Expired => Self::Expired,
            unavailable @ LookUpError::Unavailable(_) => Self::Unavailable(Box::new(unavailable)),
        }
    }
}
