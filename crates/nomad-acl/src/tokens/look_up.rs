//! One look-up of one token, nothing remembered.

use std::sync::Arc;

use jiff::Timestamp;
use nomad_wire::SecretId;
use thiserror::Error;

use crate::{Acl, PolicyError};

/// Whoever can find out what a token may do, each time anew.
pub trait LookUp: Send + Sync + 'static {
    /// The look-up.
    type Future: Future<Output = Result<Found, LookUpError>> + Send + 'static;

    /// Finds out about this token; `None` is the anonymous caller.
    fn look_up(&self, token: Option<&SecretId>) -> Self::Future;
}

/// What was found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Found {
    /// What the token may do.
    pub acl: Acl,
    /// When the token expires, if it does.
    pub expires: Option<Timestamp>,
}

impl Found {
    /// A token that may do this.
    #[must_use]
    pub const fn new(acl: Acl) -> Self {
        Self { acl, expires: None }
    }

    /// The same, until then.
    #[must_use]
    pub fn until(self, expires: Option<Timestamp>) -> Self {
        Self { expires, ..self }
    }
}

/// Why a look-up found nothing. The first three are answers; the last is the lack of one.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum LookUpError {
    /// There is no such token.
    #[error("ACL token not found")]
    NotFound,
    /// The token's time is over.
    #[error("ACL token expired")]
    Expired,
    /// A policy of the token cannot be read.
    #[error("failed to parse {name:?}")]
    Policy {
        /// The policy.
        name: Arc<str>,
        /// What is wrong with it.
        source: PolicyError,
    },
    /// Nobody answered, or not to the question.
    #[error("no answer about the token")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
}
