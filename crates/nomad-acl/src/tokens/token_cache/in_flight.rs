//! Coalesces token lookups in flight, one for each token.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use futures_util::future::{FutureExt, Shared, WeakShared};
use thiserror::Error;

use super::TokenKey;
use crate::{Acl, Freshness, tokens::TokenLookupError};

type LookupFuture = Pin<Box<dyn Future<Output = Result<Acl, TokenLookupError>> + Send>>;

/// A look-up that several callers wait for; it goes on while one of them does.
pub(super) type SharedLookup = Shared<LookupFuture>;

/// The look-ups on their way: one for each token and each demand on how recent it must be. They are held weakly, so that a look-up nobody waits for ends.
pub(super) struct InFlightLookups {
    limit: usize,
    lookups: Mutex<HashMap<(TokenKey, Freshness), WeakShared<LookupFuture>>>,
}

/// Too many tokens are being looked up.
#[derive(Debug, Error)]
#[error("{0} tokens are being looked up already")]
pub(super) struct TooManyLookups(usize);

impl InFlightLookups {
    pub(super) fn new(most: usize) -> Self {
        Self { limit: most, lookups: Mutex::new(HashMap::new()) }
    }

    /// The look-up of this token that is on its way, or a new one.
    pub(super) fn get_or_start(
        &self,
        key: &(TokenKey, Freshness),
        start: impl FnOnce() -> LookupFuture,
    ) -> Result<SharedLookup, TooManyLookups> {
        let mut flying = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        // A landed flight counts for nothing: what it found is remembered, or was not worth it.
        let running = flying.get(key).and_then(WeakShared::upgrade);
        if let Some(flight) = running.filter(|flight| flight.peek().is_none()) {
            return Ok(flight);
        }
        if flying.len() >= self.limit {
            flying.retain(|_, weak| weak.upgrade().is_some_and(|flight| flight.peek().is_none()));
            if flying.len() >= self.limit {
                return Err(TooManyLookups(self.limit));
            }
        }
        let flight = start().shared();
        if let Some(weak) = flight.downgrade() {
            flying.insert(key.clone(), weak);
        }
        Ok(flight)
    }
}
