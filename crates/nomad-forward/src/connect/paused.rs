//! Responses that their clients do not read.
//!
//! A response is read at its client's pace, and holds its connection to the agent meanwhile. Between two reads nobody needs
//! what moves the connection, so that it lies here: a request that finds no place may end a response of which its client
//! has taken nothing for long. No timer and no task watches responses: one who finds no place looks.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time::Instant;

use super::{driver::Driver, permit::Permit};

/// After so long without a read a short response counts as a stream. 2 s: a client that reads at all, over a bad network
/// too, takes something; one that waits for a place waits up to 5 s.
pub(crate) const PAUSE_LIMIT: Duration = Duration::from_secs(2);

/// What a connection holds while its response waits for its client. One for each connection, so that a response allocates
/// nothing.
#[derive(Debug, Default)]
pub(super) struct PauseSlot(Mutex<Pause>);

#[derive(Debug, Default)]
enum Pause {
    /// There is no response, or it is being read.
    #[default]
    Reading,
    /// Nobody reads.
    Paused { driver: Driver, place: Permit, since: Instant },
    /// The connection was closed meanwhile.
    Revoked,
}

/// The response was ended because its client took nothing of it.
#[derive(Debug)]
pub(crate) struct Revoked;

/// What is to become of a response that has waited for too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Keep,
    Revoke,
}

impl PauseSlot {
    /// Puts aside what the connection holds until its response is read on.
    pub(super) fn pause(&self, driver: Driver, place: Permit) {
        *self.lock() = Pause::Paused { driver, place, since: Instant::now() };
    }

    /// What was put aside, if anything was.
    pub(super) fn resume(&self) -> Result<Option<(Driver, Permit)>, Revoked> {
        let mut pause = self.lock();
        match std::mem::take(&mut *pause) {
            Pause::Reading => Ok(None),
            Pause::Paused { driver, place, .. } => Ok(Some((driver, place))),
            Pause::Revoked => {
                *pause = Pause::Revoked;
                Err(Revoked)
            }
        }
    }

    /// Since when its response waits, if it does.
    fn since(&self) -> Option<Instant> {
        match &*self.0.try_lock().ok()? {
            Pause::Paused { since, .. } => Some(*since),
            Pause::Reading | Pause::Revoked => None,
        }
    }

    /// Lets `judge` decide about the place of a response that has waited since then. Says whether it was ended; its place
    /// is free, or will be when a task has closed the connection.
    fn judge(&self, waits: Instant, judge: impl FnOnce(&mut Permit) -> Judgement) -> bool {
        // One that is locked is read now.
        let Ok(mut pause) = self.0.try_lock() else { return false };
        match &mut *pause {
            Pause::Paused { place, since, .. } if *since == waits => {
                if judge(place) == Judgement::Keep {
                    return false;
                }
            }
            Pause::Paused { .. } | Pause::Reading | Pause::Revoked => return false,
        }
        let paused = std::mem::replace(&mut *pause, Pause::Revoked);
        drop(pause);
        if let Pause::Paused { driver, place, .. } = paused {
            driver.close(Some(place));
        }
        true
    }

    /// What its place counts as; nothing when the response was ended.
    #[cfg(test)]
    pub(super) fn lease(&self) -> Option<super::Lease> {
        match &*self.lock() {
            Pause::Paused { place, .. } => Some(place.lease()),
            Pause::Reading | Pause::Revoked => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pause> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The slots of all connections to one agent.
#[derive(Debug, Default)]
pub(super) struct PauseSlots(Mutex<Vec<Weak<PauseSlot>>>);

impl PauseSlots {
    /// The slot of a new connection.
    pub(super) fn add(&self) -> Arc<PauseSlot> {
        let slot = Arc::new(PauseSlot::default());
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|slot| slot.strong_count() > 0);
        slots.push(Arc::downgrade(&slot));
        slot
    }

    /// Judges the responses that have waited for too long, longest first, until one is ended. Says whether one was, or else
    /// when there is one more to judge at the earliest.
    pub(super) fn judge(
        &self,
        mut judge: impl FnMut(&mut Permit) -> Judgement,
    ) -> Result<(), Instant> {
        let now = Instant::now();
        for (since, slot) in self.paused() {
            if since + PAUSE_LIMIT > now {
                return Err(since + PAUSE_LIMIT);
            }
            if slot.judge(since, &mut judge) {
                return Ok(());
            }
        }
        // One that pauses from now on.
        Err(now + PAUSE_LIMIT)
    }

    /// The responses that wait, longest first.
    fn paused(&self) -> Vec<(Instant, Arc<PauseSlot>)> {
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slots: Vec<_> = slots.iter().filter_map(Weak::upgrade).collect();
        let paused = slots.into_iter().filter_map(|slot| Some((slot.since()?, slot)));
        let mut paused: Vec<_> = paused.collect();
        paused.sort_by_key(|(since, _)| *since);
        paused
    }
}
