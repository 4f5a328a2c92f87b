//! Token → ACL.
//!
//! [`Tokens`] is what [`Identify`](crate::Identify) asks. Four things answer it:
//!
//! * [`AclDisabled`]: every caller may do everything;
//! * [`AclDeferred`]: nothing is decided here, everything by the agents behind;
//! * [`TokenTable`]: tokens and policies fixed in a JSON text;
//! * [`Cached`] over a [`LookUp`], of which [`NomadTokens`] is the one that asks Nomad's own API with
//!   the caller's own token.
//!
//! None of them knows a socket, a runtime or a clock: calls go through a `tower` service of the
//! caller's choice, and the time comes from a [`Clock`].

mod cached;
mod clock;
mod error;
mod look_up;
mod nomad;
mod table;

use std::future::{Ready, ready};

use nomad_wire::{Region, SecretId};

pub use self::{
    cached::{Cached, Limits, Resolving},
    clock::Clock,
    error::TokensError,
    look_up::{Found, LookUp, LookUpError},
    nomad::NomadTokens,
    table::{TableError, TokenTable},
};
use crate::Acl;

/// Whoever knows what a token may do.
pub trait Tokens {
    /// The look-up; ready at once when the answer is known.
    type Future: Future<Output = Result<Acl, TokensError>> + Send + Unpin + 'static;

    /// What may this token do? `None` asks for the anonymous caller.
    fn resolve(&self, token: Option<&SecretId>) -> Self::Future;

    /// The same in the region that the caller names: tokens and policies that are local to a region are known only
    /// there. Whoever knows one region only leaves it at that.
    fn resolve_in(&self, token: Option<&SecretId>, _region: Option<&Region>) -> Self::Future {
        self.resolve(token)
    }
}

/// Nothing is decided at the edge: whatever token a caller sends goes on to an agent, and the agent decides.
#[derive(Debug, Clone, Copy, Default)]
pub struct AclDeferred;

impl Tokens for AclDeferred {
    type Future = Ready<Result<Acl, TokensError>>;

    fn resolve(&self, _token: Option<&SecretId>) -> Self::Future {
        ready(Ok(Acl::deferred()))
    }
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
