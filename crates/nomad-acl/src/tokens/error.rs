//! Why there is no ACL for a token.

use thiserror::Error;

use super::TokenLookupError;

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

impl From<TokenLookupError> for TokensError {
    fn from(error: TokenLookupError) -> Self {
        match error {
            TokenLookupError::NotFound | TokenLookupError::Unconfirmed => Self::NotFound,
            TokenLookupError::Expired => Self::Expired,
            unavailable @ TokenLookupError::Unavailable(_) => {
                Self::Unavailable(Box::new(unavailable))
            }
        }
    }
}
