//! Caches resolved tokens.
//!
//! ```text
//!  resolve ── fresh? ───────────────────────────────► its ACL, at once
//!     │ no
//!     ├── refused a moment ago? ────────────────────► the refusal, at once
//!     │ no
//!     └── one flight per token ── found ────────────► remember, its ACL
//!                              ├─ refused ──────────► forget, remember the refusal
//!                              └─ no answer ── still usable? its old ACL : unavailable
//! ```
//!
//! An old ACL stands in only when nobody answers. A server that says "no such token" is believed at
//! once; Nomad's own agents take that for an outage and go on with what they remember.

mod entry;
mod in_flight;
mod key;
mod limits;

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use nomad_wire::SecretId;
use quick_cache::sync::Cache;

pub use self::limits::TokenCacheLimits;
use self::{
    entry::{Entry, Refusal, State},
    key::TokenKey,
};
use super::{Clock, LookupOptions, TokenLookup, TokenLookupError, Tokens, TokensError};
use crate::tokens::token_cache::in_flight::{InFlightLookups, SharedLookup};
use crate::{Acl, Freshness, RegionScope, RegionalAcl};

/// A [`TokenLookup`] with a memory: [`TokenCacheLimits`] says how long, and of how many tokens.
///
/// Clones share the memory.
#[derive(Debug)]
pub struct TokenCache<L, C> {
    shared: Arc<Shared<L, C>>,
    region: RegionScope,
}

struct Shared<L, C> {
    lookup: L,
    clock: C,
    limits: TokenCacheLimits,
    entries: Cache<TokenKey, Entry>,
    /// Apart from the entries, so that a flood of invented tokens evicts refusals and no real token.
    refusals: Cache<TokenKey, Refusal>,
    lookups: InFlightLookups,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl<L: TokenLookup, C: Clock> TokenCache<L, C> {
    /// Remembers what `look_up` finds.
    #[must_use]
    pub fn new(look_up: L, clock: C, limits: TokenCacheLimits) -> Self {
        let shared = Shared {
            entries: Cache::new(limits.max_tokens),
            refusals: Cache::new(limits.max_refusals),
            lookups: InFlightLookups::new(limits.max_lookups),
            lookup: look_up,
            clock,
            limits,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared), region: RegionScope::Own }
    }

    /// Says which region's servers are asked, unless it is the own one. The answers hold there and nowhere else.
    #[must_use]
    pub fn with_region(self, region: RegionScope) -> Self {
        Self { region, ..self }
    }

    /// How many tokens are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.entries.len()
    }

    /// Whether no token is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.entries.is_empty()
    }

    /// How often the answer was remembered, and how often it had to be waited for.
    #[must_use]
    pub fn hits_and_misses(&self) -> (u64, u64) {
        (self.shared.hits.load(Ordering::Relaxed), self.shared.misses.load(Ordering::Relaxed))
    }

    /// Forgets everything, as after a change of policies that must hold at once.
    pub fn clear(&self) {
        self.shared.entries.clear();
        self.shared.refusals.clear();
    }
}

impl<L: TokenLookup, C: Clock> Shared<L, C> {
    /// What is remembered, if it still holds.
    fn get(&self, key: &TokenKey, freshness: Freshness) -> Option<Result<Acl, TokenLookupError>> {
        if let Some(entry) = self.entries.get(key) {
            let window = self.limits.max_age(freshness);
            let state = entry.state(self.clock.elapsed(), window, || self.clock.now());
            return match state {
                State::Fresh => Some(Ok(entry.acl)),
                State::Expired => Some(Err(TokenLookupError::Expired)),
                State::Stale | State::Unusable => None,
            };
        }
        let refusal = self.refusals.get(key)?;
        refusal.is_valid(self.clock.elapsed()).then_some(Err(refusal.error))
    }

    /// Asks, remembers the answer, and falls back on an old one when there is none.
    async fn fetch(
        self: Arc<Self>,
        (key, freshness): (TokenKey, Freshness),
        token: Option<SecretId>,
    ) -> Result<Acl, TokenLookupError> {
        let asked = self.clock.elapsed();
        let part = self.limits.max_policy_age(freshness);
        let found = self.lookup.look_up(token.as_ref(), part).await;
        let elapsed = self.clock.elapsed();
        match found {
            Ok(found) if found.expires.is_some_and(|end| end <= self.clock.now()) => {
                self.insert_refusal(key, TokenLookupError::Expired, elapsed)
            }
            Ok(found) => {
                let acl = found.acl.clone();
                self.refusals.remove(&key);
                self.entries.insert(key, Entry::new(found, asked, &self.limits));
                Ok(acl)
            }
            Err(error @ TokenLookupError::Unavailable(_)) => self.serve_stale(&key, error, elapsed),
            Err(refused) => self.insert_refusal(key, refused, elapsed),
        }
    }

    fn insert_refusal(
        &self,
        key: TokenKey,
        error: TokenLookupError,
        elapsed: std::time::Duration,
    ) -> Result<Acl, TokenLookupError> {
        self.entries.remove(&key);
        let until = elapsed + self.limits.refusal_ttl(&error);
        self.refusals.insert(key, Refusal { error: error.clone(), expires_at: until });
        Err(error)
    }

    fn serve_stale(
        &self,
        key: &TokenKey,
        error: TokenLookupError,
        elapsed: std::time::Duration,
    ) -> Result<Acl, TokenLookupError> {
        let Some(mut entry) = self.entries.get(key) else { return Err(error) };
        match entry.state(elapsed, self.limits.ttl, || self.clock.now()) {
            State::Expired => Err(TokenLookupError::Expired),
            State::Unusable => Err(error),
            State::Fresh | State::Stale => {
                entry.retry_after(elapsed + self.limits.retry_interval);
                let acl = entry.acl.clone();
                self.entries.insert(key.clone(), entry);
                Ok(acl)
            }
        }
    }
}

impl<L: TokenLookup, C: Clock> Tokens for TokenCache<L, C> {
    type Future = ResolveFuture;

    fn resolve_with(&self, token: Option<&SecretId>, wanted: LookupOptions<'_>) -> ResolveFuture {
        let key = TokenKey::from_token(token);
        let region = self.region.clone();
        if let Some(answer) = self.shared.get(&key, wanted.freshness) {
            self.shared.hits.fetch_add(1, Ordering::Relaxed);
            return ResolveFuture { state: Some(ResolveStep::Ready(answer)), region };
        }
        let key = (key, wanted.freshness);
        self.shared.misses.fetch_add(1, Ordering::Relaxed);
        let flight = self.shared.lookups.get_or_start(&key, || {
            Box::pin(self.shared.clone().fetch(key.clone(), token.cloned()))
        });
        let step = match flight {
            Ok(flight) => ResolveStep::Pending(flight),
            Err(full) => ResolveStep::Ready(Err(TokenLookupError::Unavailable(Arc::new(full)))),
        };
        ResolveFuture { state: Some(step), region }
    }
}

impl<L, C> Clone for TokenCache<L, C> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), region: self.region.clone() }
    }
}

impl<L, C> fmt::Debug for Shared<L, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The answer of a [`TokenCache`], here or on its way.
///
/// # Cancel safety
/// Dropping it gives up waiting. The flight goes on as long as somebody waits for it.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct ResolveFuture {
    state: Option<ResolveStep>,
    /// Where the answer holds.
    region: RegionScope,
}

#[derive(Debug)]
enum ResolveStep {
    Ready(Result<Acl, TokenLookupError>),
    Pending(SharedLookup),
}

impl Future for ResolveFuture {
    type Output = Result<RegionalAcl, TokensError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match self.state.take().expect("a finished future is not polled again") {
            ResolveStep::Ready(answer) => answer,
            ResolveStep::Pending(mut flight) => match Pin::new(&mut flight).poll(cx) {
                Poll::Ready(answer) => answer,
                Poll::Pending => {
                    self.state = Some(ResolveStep::Pending(flight));
                    return Poll::Pending;
                }
            },
        };
        let region = std::mem::take(&mut self.region);
        Poll::Ready(answer.map(|acl| RegionalAcl::new(region, acl)).map_err(TokensError::from))
    }
}
