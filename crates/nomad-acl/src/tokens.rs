//! Token → ACL.

use std::future::{Ready, ready};

use nomad_wire::SecretId;
use thiserror::Error;

use crate::Acl;

/// Whoever knows what a token may do.
pub trait Tokens {
    /// The look-up; ready at once when the answer is known.
    type Future: Future<Output = Result<Acl, TokensError>> + Send + 'static;

    /// What may this token do? `None` asks for the anonymous caller.
    fn resolve(&self, token: Option<&SecretId>) -> Self::Future;
}

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

/// ACLs are switched off: every caller may do everything, whatever token it sends.
#[derive(Debug, Clone, Copy, Default)]
pub struct AclDisabled;

impl Tokens for AclDisabled {
    type Future = Ready<Result<Acl, TokensError>>;

    fn resolve(&self, _token: Option<&SecretId>) -> Self::Future {
        ready(Ok(Acl::disabled()))
    }
}
