//! What is remembered of a token.

use std::time::Duration;

use jiff::Timestamp;

use super::Limits;
use crate::{
    Acl,
    tokens::{Found, LookUpError},
};

/// An answer and how long it holds.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) acl: Acl,
    /// When the oldest part of the answer was asked for.
    as_of: Duration,
    /// Until then it stands in, because nobody answered.
    rests_until: Duration,
    usable_until: Duration,
    expires: Option<Timestamp>,
}

/// What an entry is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Fresh,
    /// Ask anew, but usable if nobody answers.
    Old,
    TooOld,
    /// The token itself is over, whatever the servers' answer would be.
    Expired,
}

impl Entry {
    /// What was found by a question that was begun at `asked`.
    pub(super) fn new(found: Found, asked: Duration, limits: &Limits) -> Self {
        let as_of = asked.saturating_sub(found.age);
        Self {
            acl: found.acl,
            as_of,
            rests_until: Duration::ZERO,
            usable_until: as_of + limits.fresh + limits.stale,
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
        } else if elapsed < self.as_of + window || elapsed < self.rests_until {
            State::Fresh
        } else if elapsed < self.usable_until {
            State::Old
        } else {
            State::TooOld
        }
    }

    /// Lets the entry stand in until then, but never longer than it is usable.
    pub(super) fn rest(&mut self, until: Duration) {
        self.rests_until = until.min(self.usable_until);
    }
}

/// A refusal and how long it holds.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) error: LookUpError,
    pub(super) until: Duration,
}

impl Refusal {
    pub(super) fn holds(&self, elapsed: Duration) -> bool {
        elapsed < self.until
    }
}
