//! Looks one token up, without a cache.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use nomad_wire::SecretId;
use thiserror::Error;

use crate::Acl;

/// Whoever can find out what a token may do, each time anew.
pub trait TokenLookup: Send + Sync + 'static {
    /// The look-up.
    type Future: Future<Output = Result<ResolvedToken, TokenLookupError>> + Send + 'static;

    /// Finds out about this token; `None` is the anonymous caller. What is remembered from earlier look-ups, such as a
    /// policy that several tokens have, may be used when it is not older than `part`; [`ResolvedToken::with_age`] says how old.
    fn look_up(&self, token: Option<&SecretId>, part: Duration) -> Self::Future;
}

/// What was found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ResolvedToken {
    /// What the token may do.
    pub acl: Acl,
    /// When the token expires, if it does.
    pub expires: Option<Timestamp>,
    /// How old the oldest part of it was when the look-up began.
    pub age: Duration,
}

impl ResolvedToken {
    /// A token that may do this.
    #[must_use]
    pub const fn new(acl: Acl) -> Self {
        Self { acl, expires: None, age: Duration::ZERO }
    }

    /// The same, until then.
    #[must_use]
    pub fn with_expiration(self, expires: Option<Timestamp>) -> Self {
        Self { expires, ..self }
    }

    /// The same, of which a part was so old already.
    #[must_use]
    pub fn with_age(self, age: Duration) -> Self {
        Self { age, ..self }
    }
}

/// Why a look-up found nothing. The last is the lack of an answer, the others are answers.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum TokenLookupError {
    /// There is no such token.
    #[error("ACL token not found")]
    NotFound,
    /// A server that may lag behind knows no such token, and no leader could be asked. It counts as a refusal, or an
    /// outage would let in whoever was shut out before; it is not believed for long.
    #[error("ACL token not found")]
    Unconfirmed,
    /// The token's time is over.
    #[error("ACL token expired")]
    Expired,
    /// Nobody answered, or not to the question.
    #[error("no answer about the token")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
}
