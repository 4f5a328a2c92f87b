//! Token → ACL.
//!
//! [`Tokens`] is what [`Identify`](crate::Identify) asks. Four things answer it:
//!
//! * [`AclDisabled`]: every caller may do everything;
//! * [`AclDeferred`]: nothing is decided here, everything by the agents behind;
//! * [`TokenTable`]: tokens and policies fixed in a JSON text;
//! * [`TokenCache`] over a [`TokenLookup`], of which [`NomadTokenLookup`] is the one that asks Nomad's own API with
//!   the caller's own token.
//!
//! None of them knows a socket, a runtime or a clock: calls go through a `tower` service of the
//! caller's choice, and the time comes from a [`Clock`].

mod clock;
mod error;
mod nomad;
mod table;
mod token_cache;
mod token_lookup;

use std::future::{Ready, ready};

use nomad_wire::{Region, SecretId};

pub use self::{
    clock::Clock,
    error::TokensError,
    nomad::NomadTokenLookup,
    table::{TableError, TokenTable},
};
pub use crate::tokens::{
    token_cache::{ResolveFuture, TokenCache, TokenCacheLimits},
    token_lookup::{ResolvedToken, TokenLookup, TokenLookupError},
};
use crate::{Acl, RegionalAcl};

/// What is wanted of [`Tokens`], beside the token.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a question: where, and how recent")]
pub struct LookupOptions<'a> {
    /// The region that will answer, by its name; `None` is the own one.
    pub region: Option<&'a Region>,
    /// How recent the answer must be.
    pub freshness: Freshness,
}

/// How recent an answer about a token must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "somebody decides after this, or nobody does")]
pub enum Freshness {
    /// As for most calls: the agent that answers decides once more.
    #[default]
    Usual,
    /// For what nobody decides about after this.
    Recent,
}

/// Whoever knows what a token may do.
pub trait Tokens {
    /// The look-up; ready at once when the answer is known.
    type Future: Future<Output = Result<RegionalAcl, TokensError>> + Send + Unpin + 'static;

    /// What may this token do there? A token of `None` asks for the anonymous caller.
    ///
    /// The answer says in which region it holds. Whoever knows one region only answers for that one, whatever is
    /// wanted; the answer then opens nothing elsewhere.
    fn resolve_with(&self, token: Option<&SecretId>, wanted: LookupOptions<'_>) -> Self::Future;

    /// What may this token do in the own region?
    fn resolve(&self, token: Option<&SecretId>) -> Self::Future {
        self.resolve_with(token, LookupOptions::default())
    }
}

/// Nothing is decided at the edge: whatever token a caller sends goes on to an agent, and the agent decides.
#[derive(Debug, Clone, Copy, Default)]
pub struct AclDeferred;

impl Tokens for AclDeferred {
    type Future = Ready<Result<RegionalAcl, TokensError>>;

    fn resolve_with(&self, _token: Option<&SecretId>, _wanted: LookupOptions<'_>) -> Self::Future {
        ready(Ok(RegionalAcl::valid_everywhere(Acl::deferred())))
    }
}

/// ACLs are switched off: every caller may do everything, whatever token it sends.
#[derive(Debug, Clone, Copy, Default)]
pub struct AclDisabled;

impl Tokens for AclDisabled {
    type Future = Ready<Result<RegionalAcl, TokensError>>;

    fn resolve_with(&self, _token: Option<&SecretId>, _wanted: LookupOptions<'_>) -> Self::Future {
        ready(Ok(RegionalAcl::valid_everywhere(Acl::disabled())))
    }
}
