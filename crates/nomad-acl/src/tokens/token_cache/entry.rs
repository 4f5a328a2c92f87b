//! One cached token.

use std::time::Duration;

use jiff::Timestamp;

use super::TokenCacheLimits;
use crate::{
    Acl,
    tokens::{ResolvedToken, TokenLookupError},
};

/// An answer and how long it holds.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) acl: Acl,
    /// When the oldest part of the answer was asked for.
    fetched_at: Duration,
    /// Until then it stands in, because nobody answered.
    retry_at: Duration,
    stale_until: Duration,
    expires: Option<Timestamp>,
}

/// What an entry is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Fresh,
    /// Ask anew, but usable if nobody answers.
    Stale,
    Unusable,
    /// The token itself is over, whatever the servers' answer would be.
    Expired,
}

impl Entry {
    /// What was found by a question that was begun at `asked`.
    pub(super) fn new(found: ResolvedToken, asked: Duration, limits: &TokenCacheLimits) -> Self {
        let as_of = asked.saturating_sub(found.age);
        Self {
            acl: found.acl,
            fetched_at: as_of,
            retry_at: Duration::ZERO,
            stale_until: as_of + limits.ttl + limits.stale_if_error,
            expires: found.expires,
        }
    }

    /// What the entry is worth where nothing may be older than `window`. The time of day is read only for tokens that
    /// expire.
    pub(super) fn state(
        &self,
        elapsed: Duration,
        window: Duration,
        now: impl FnOnce() -> Timestamp,
    ) -> State {
        if self.expires.is_some_and(|end| end <= now()) {
            State::Expired
        } else if elapsed < self.fetched_at + window || elapsed < self.retry_at {
            State::Fresh
        } else if elapsed < self.stale_until {
            State::Stale
        } else {
            State::Unusable
        }
    }

    /// Lets the entry stand in until then, but never longer than it is usable.
    pub(super) fn retry_after(&mut self, until: Duration) {
        self.retry_at = until.min(self.stale_until);
    }
}

/// A refusal and how long it holds.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) error: TokenLookupError,
    pub(super) expires_at: Duration,
}

impl Refusal {
    pub(super) fn is_valid(&self, elapsed: Duration) -> bool {
        elapsed < self.expires_at
    }
}
