//! What was found about tokens, remembered for a while.
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
mod flight;
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

pub use self::limits::Limits;
use self::{
    entry::{Entry, Refusal, State},
    flight::{Flight, Flights},
    key::Key,
};
use super::{Clock, LookUp, LookUpError, Tokens, TokensError, Wanted};
use crate::{Acl, Freshness, RegionScope, RegionalAcl};

/// A [`LookUp`] with a memory: [`Limits`] says how long, and of how many tokens.
///
/// Clones share the memory.
#[derive(Debug)]
pub struct Cached<L, C> {
    shared: Arc<Shared<L, C>>,
    region: RegionScope,
}

struct Shared<L, C> {
    look_up: L,
    clock: C,
    limits: Limits,
    entries: Cache<Key, Entry>,
    /// Apart from the entries, so that a flood of invented tokens evicts refusals and no real token.
    refusals: Cache<Key, Refusal>,
    flights: Flights,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl<L: LookUp, C: Clock> Cached<L, C> {
    /// Remembers what `look_up` finds.
    #[must_use]
    pub fn new(look_up: L, clock: C, limits: Limits) -> Self {
        let shared = Shared {
            entries: Cache::new(limits.tokens),
            refusals: Cache::new(limits.refusals),
            flights: Flights::new(limits.flights),
            look_up,
            clock,
            limits,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared), region: RegionScope::Own }
    }

    /// Says which region's servers are asked, unless it is the own one. The answers hold there and nowhere else.
    #[must_use]
    pub fn of_region(self, region: RegionScope) -> Self {
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
    pub fn forget(&self) {
        self.shared.entries.clear();
        self.shared.refusals.clear();
    }
}

impl<L: LookUp, C: Clock> Shared<L, C> {
    /// What is remembered, if it still holds.
    fn remembered(&self, key: &Key, freshness: Freshness) -> Option<Result<Acl, LookUpError>> {
        if let Some(entry) = self.entries.get(key) {
            let window = self.limits.window(freshness);
            let state = entry.state(self.clock.elapsed(), window, || self.clock.now());
            return match state {
                State::Fresh => Some(Ok(entry.acl)),
                State::Expired => Some(Err(LookUpError::Expired)),
                State::Old | State::TooOld => None,
            };
        }
        let refusal = self.refusals.get(key)?;
        refusal.holds(self.clock.elapsed()).then_some(Err(refusal.error))
    }

    /// Asks, remembers the answer, and falls back on an old one when there is none.
    async fn fetch(
        self: Arc<Self>,
        (key, freshness): (Key, Freshness),
        token: Option<SecretId>,
    ) -> Result<Acl, LookUpError> {
        let asked = self.clock.elapsed();
        let part = self.limits.part(freshness);
        let found = self.look_up.look_up(token.as_ref(), part).await;
        let elapsed = self.clock.elapsed();
        match found {
            Ok(found) if found.expires.is_some_and(|end| end <= self.clock.now()) => {
                self.refuse(key, LookUpError::Expired, elapsed)
            }
            Ok(found) => {
                let acl = found.acl.clone();
                self.refusals.remove(&key);
                self.entries.insert(key, Entry::new(found, asked, &self.limits));
                Ok(acl)
            }
            Err(error @ LookUpError::Unavailable(_)) => self.fall_back(&key, error, elapsed),
            Err(refused) => self.refuse(key, refused, elapsed),
        }
    }

    fn refuse(
        &self,
        key: Key,
        error: LookUpError,
        elapsed: std::time::Duration,
    ) -> Result<Acl, LookUpError> {
        self.entries.remove(&key);
        let until = elapsed + self.limits.refusal(&error);
        self.refusals.insert(key, Refusal { error: error.clone(), until });
        Err(error)
    }

    fn fall_back(
        &self,
        key: &Key,
        error: LookUpError,
        elapsed: std::time::Duration,
    ) -> Result<Acl, LookUpError> {
        let Some(mut entry) = self.entries.get(key) else { return Err(error) };
        match entry.state(elapsed, self.limits.fresh, || self.clock.now()) {
            State::Expired => Err(LookUpError::Expired),
            State::TooOld => Err(error),
            State::Fresh | State::Old => {
                entry.rest(elapsed + self.limits.retry);
                let acl = entry.acl.clone();
                self.entries.insert(key.clone(), entry);
                Ok(acl)
            }
        }
    }
}

impl<L: LookUp, C: Clock> Tokens for Cached<L, C> {
    type Future = Resolving;

    fn resolve_for(&self, token: Option<&SecretId>, wanted: Wanted<'_>) -> Resolving {
        let key = Key::of(token);
        let region = self.region.clone();
        if let Some(answer) = self.shared.remembered(&key, wanted.freshness) {
            self.shared.hits.fetch_add(1, Ordering::Relaxed);
            return Resolving { step: Some(Step::Known(answer)), region };
        }
        let key = (key, wanted.freshness);
        self.shared.misses.fetch_add(1, Ordering::Relaxed);
        let flight = self
            .shared
            .flights
            .join(&key, || Box::pin(self.shared.clone().fetch(key.clone(), token.cloned())));
        let step = match flight {
            Ok(flight) => Step::Waiting(flight),
            Err(full) => Step::Known(Err(LookUpError::Unavailable(Arc::new(full)))),
        };
        Resolving { step: Some(step), region }
    }
}

impl<L, C> Clone for Cached<L, C> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), region: self.region.clone() }
    }
}

impl<L, C> fmt::Debug for Shared<L, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The answer of a [`Cached`], here or on its way.
///
/// # Cancel safety
/// Dropping it gives up waiting. The flight goes on as long as somebody waits for it.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Resolving {
    step: Option<Step>,
    /// Where the answer holds.
    region: RegionScope,
}

#[derive(Debug)]
enum Step {
    Known(Result<Acl, LookUpError>),
    Waiting(Flight),
}

impl Future for Resolving {
    type Output = Result<RegionalAcl, TokensError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match self.step.take().expect("a finished future is not polled again") {
            Step::Known(answer) => answer,
            Step::Waiting(mut flight) => match Pin::new(&mut flight).poll(cx) {
                Poll::Ready(answer) => answer,
                Poll::Pending => {
                    self.step = Some(Step::Waiting(flight));
                    return Poll::Pending;
                }
            },
        };
        let region = std::mem::take(&mut self.region);
        Poll::Ready(answer.map(|acl| RegionalAcl::of(region, acl)).map_err(TokensError::from))
    }
}
