//! Asks Nomad's own API, with the caller's own token.
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

mod body;
mod call;
mod confirm;
mod question;
mod verdict;

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use nomad_wire::SecretId;
use quick_cache::sync::Cache;
use tower_service::Service;

use self::{confirm::Confirmations, question::Question};
use super::{Clock, Found, LookUp, LookUpError};
use crate::{Acl, Policy, Reading};

/// For so long the leader is believed that there is no such policy, so that tokens with a link to one that was deleted do
/// not make it answer each time.
const MISSING_FOR: Duration = Duration::from_secs(30);

/// How many policies are remembered. Nomad's agents keep 64; a gateway sees every team's tokens.
const POLICIES: usize = 1_024;

/// How many compiled ACLs are remembered, as Nomad's servers do.
const ACLS: usize = 512;

/// A [`LookUp`] over Nomad's API.
///
/// `S` carries the calls: a `tower` service whose requests have a path and no authority. Where they
/// go, and how long it waits, is the service's business; an answer of any status is an answer.
///
/// Policies are remembered by name and shared by all tokens, for as long as whoever asks allows; which policies a token
/// *has* is asked anew each time. Put a [`Cached`](super::Cached) in front.
pub struct NomadTokens<S, C> {
    service: S,
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    clock: C,
    policies: Cache<Box<str>, Kept>,
    /// Policies that do not exist, as the leader said, and until when that is believed.
    missing: Cache<Box<str>, Duration>,
    confirmations: Confirmations,
    /// Policies that cannot be read, and as of which change that was told.
    unread: Cache<Box<str>, u64>,
    teller: Option<Teller>,
    /// Compiled ACLs by the policies in them and the index at which each was written.
    acls: Cache<Contents, Acl>,
}

/// Who is told of policies that cannot be read: by name, and what is read instead.
type Teller = Box<dyn Fn(&str, &Reading) + Send + Sync>;

/// What is in a compiled ACL: the names of its policies, each with the index of its last change.
type Contents = Box<[(Arc<str>, u64)]>;

/// A policy as the servers gave it.
#[derive(Clone)]
struct Kept {
    name: Arc<str>,
    policy: Arc<Policy>,
    modified: u64,
    /// When it was asked for.
    asked: Duration,
}

impl<S, C: Clock> NomadTokens<S, C> {
    /// Asks through this service.
    pub fn new(service: S, clock: C) -> Self {
        let shared = Shared {
            clock,
            policies: Cache::new(POLICIES),
            missing: Cache::new(POLICIES),
            confirmations: Confirmations::default(),
            acls: Cache::new(ACLS),
            unread: Cache::new(POLICIES),
            teller: None,
        };
        Self { service, shared: Arc::new(shared) }
    }

    /// Tells of each policy whose text cannot be read, once for each change of it.
    #[must_use]
    pub fn on_unread(mut self, tell: impl Fn(&str, &Reading) + Send + Sync + 'static) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.teller = Some(Box::new(tell));
        }
        self
    }
}

impl<C> Shared<C> {
    fn tell(&self, name: &str, modified: u64, reading: &Reading) {
        let is_read = match reading {
            Reading::Text => true,
            Reading::RulesJson(_) | Reading::Nothing(_) => false,
        };
        if is_read || self.unread.get(name) == Some(modified) {
            return;
        }
        self.unread.insert(name.into(), modified);
        if let Some(tell) = &self.teller {
            tell(name, reading);
        }
    }
}

impl<S, C> LookUp for NomadTokens<S, C>
where
    S: Service<Request<Bytes>, Response = Response<Bytes>> + Clone + Send + Sync + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Send,
    C: Clock,
{
    type Future = Pin<Box<dyn Future<Output = Result<Found, LookUpError>> + Send>>;

    fn look_up(&self, token: Option<&SecretId>, part: Duration) -> Self::Future {
        let shared = self.shared.clone();
        let question = Question::new(self.service.clone(), token.cloned(), shared, part);
        Box::pin(question.answer())
    }
}

impl<S: Clone, C> Clone for NomadTokens<S, C> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone(), shared: self.shared.clone() }
    }
}

impl<S, C> fmt::Debug for NomadTokens<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NomadTokens").finish_non_exhaustive()
    }
}
