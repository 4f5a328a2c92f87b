//! Looks tokens up through Nomad's API, with the client's own token.
//!
//! ```text
//!  no token   GET /v1/acl/policy/anonymous ─────────────────────────┐
//!  secret id  GET /v1/acl/token/self ── roles: GET /v1/acl/role/:id ┤
//!  JWT        GET /v1/acl/policy/self ──────────────────────────────┤
//!                                                                   ▼
//!                             the names together: GET /v1/acl/policy/:name ── compile
//! ```
//!
//! Any server is asked at first. Where its answer takes something from the token (there is no such token, no such
//! policy), it may only lag behind: then the leader is asked, once.
//!
//! Everything asked for is something the token may read of itself, so the gateway needs no token of
//! its own and learns nothing that the caller could not.

mod api_outcome;
mod api_request;
mod body;
mod confirmations;
mod lookup;

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use nomad_wire::SecretId;
use quick_cache::sync::Cache;
use tower_service::Service;

use super::{Clock, ResolvedToken, TokenLookup, TokenLookupError};
use crate::tokens::nomad::{confirmations::Confirmations, lookup::Lookup};
use crate::{Acl, Policy, PolicySource};

/// For so long the leader is believed that there is no such policy, so that tokens with a link to one that was deleted do
/// not make it answer each time.
const MISSING_POLICY_TTL: Duration = Duration::from_secs(30);

/// How many policies are remembered. Nomad's agents keep 64; a gateway sees every team's tokens.
const MAX_POLICIES: usize = 1_024;

/// How many compiled ACLs are remembered, as Nomad's servers do.
const MAX_ACLS: usize = 512;

/// A [`TokenLookup`] over Nomad's API.
///
/// `S` carries the calls: a `tower` service whose requests have a path and no authority. Where they
/// go, and how long it waits, is the service's business; an answer of any status is an answer.
///
/// Policies are remembered by name and shared by all tokens, for as long as whoever asks allows; which policies a token
/// *has* is asked anew each time. Put a [`TokenCache`](super::TokenCache) in front.
pub struct NomadTokenLookup<S, C> {
    service: S,
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    clock: C,
    policies: Cache<Box<str>, CachedPolicy>,
    /// Policies that do not exist, as the leader said, and until when that is believed.
    missing: Cache<Box<str>, Duration>,
    confirmations: Confirmations,
    /// Policies that cannot be read, and as of which change that was told.
    reported: Cache<Box<str>, u64>,
    on_unreadable: Option<UnreadablePolicyHook>,
    /// CompiledPolicies ACLs by the policies in them and the index at which each was written.
    acls: Cache<AclKey, Acl>,
}

/// Who is told of policies that cannot be read: by name, and what is read instead.
type UnreadablePolicyHook = Box<dyn Fn(&str, &PolicySource) + Send + Sync>;

/// What is in a compiled ACL: the names of its policies, each with the index of its last change.
type AclKey = Box<[(Arc<str>, u64)]>;

/// A policy as the servers gave it.
#[derive(Clone)]
struct CachedPolicy {
    name: Arc<str>,
    policy: Arc<Policy>,
    modify_index: u64,
    /// When it was asked for.
    fetched_at: Duration,
}

impl<S, C: Clock> NomadTokenLookup<S, C> {
    /// Asks through this service.
    pub fn new(service: S, clock: C) -> Self {
        let shared = Shared {
            clock,
            policies: Cache::new(MAX_POLICIES),
            missing: Cache::new(MAX_POLICIES),
            confirmations: Confirmations::default(),
            acls: Cache::new(MAX_ACLS),
            reported: Cache::new(MAX_POLICIES),
            on_unreadable: None,
        };
        Self { service, shared: Arc::new(shared) }
    }

    /// Tells of each policy whose text cannot be read, once for each change of it.
    #[must_use]
    pub fn on_unreadable_policy(
        mut self,
        tell: impl Fn(&str, &PolicySource) + Send + Sync + 'static,
    ) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.on_unreadable = Some(Box::new(tell));
        }
        self
    }
}

impl<C> Shared<C> {
    fn report_unreadable(&self, name: &str, modified: u64, reading: &PolicySource) {
        let is_read = match reading {
            PolicySource::Text => true,
            PolicySource::RulesJson(_) | PolicySource::Unreadable(_) => false,
        };
        if is_read || self.reported.get(name) == Some(modified) {
            return;
        }
        self.reported.insert(name.into(), modified);
        if let Some(tell) = &self.on_unreadable {
            tell(name, reading);
        }
    }
}

impl<S, C> TokenLookup for NomadTokenLookup<S, C>
where
    S: Service<Request<Bytes>, Response = Response<Bytes>> + Clone + Send + Sync + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Send,
    C: Clock,
{
    type Future = Pin<Box<dyn Future<Output = Result<ResolvedToken, TokenLookupError>> + Send>>;

    fn look_up(&self, token: Option<&SecretId>, part: Duration) -> Self::Future {
        let shared = self.shared.clone();
        let question = Lookup::new(self.service.clone(), token.cloned(), shared, part);
        Box::pin(question.run())
    }
}

impl<S: Clone, C> Clone for NomadTokenLookup<S, C> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone(), shared: self.shared.clone() }
    }
}

impl<S, C> fmt::Debug for NomadTokenLookup<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NomadTokenLookup").finish_non_exhaustive()
    }
}
