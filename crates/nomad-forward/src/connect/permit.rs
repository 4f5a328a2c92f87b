//! The permits of one agent's connections.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{ConnectError, ConnectionLimits, Lease};

/// The places of one agent's connections, by what they may be held for. Tokio's semaphore serves in the order of arrival.
#[derive(Debug)]
pub(super) struct Permits {
    any: Arc<Semaphore>,
    /// The places that may be held for long. Whoever holds one of them holds one of all, too.
    long_lived: Arc<Semaphore>,
    /// The places for uploads that still come, of which each is one of all, too.
    uploads: Arc<Semaphore>,
    /// The places that streams hold, which end only when their callers leave.
    streams: Arc<AtomicUsize>,
    limits: ConnectionLimits,
}

/// A place for one connection.
#[derive(Debug)]
pub(super) struct Permit {
    // In this order: who waits for a place of its kind finds one of all behind it.
    _any: OwnedSemaphorePermit,
    of_kind: Option<OwnedSemaphorePermit>,
    stream: Option<Counted>,
    lease: Lease,
}

/// One of those who are counted, until it is dropped.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Permit {
    /// What it counts as.
    pub(super) const fn lease(&self) -> Lease {
        self.lease
    }
}

impl Permits {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self {
            any: Arc::new(Semaphore::new(limits.connections.max(1))),
            long_lived: Arc::new(Semaphore::new(limits.long_lived())),
            uploads: Arc::new(Semaphore::new(limits.uploads())),
            streams: Arc::default(),
            limits,
        }
    }

    /// How many places are taken.
    pub(super) fn in_use(&self) -> usize {
        self.capacity() - self.any.available_permits()
    }

    /// How many places there are.
    pub(super) fn capacity(&self) -> usize {
        self.limits.connections.max(1)
    }

    /// A place, if there is one now.
    pub(super) fn try_take(&self, lease: Lease) -> Result<Permit, ConnectError> {
        let of_kind = match self.kind(lease) {
            Some(places) => {
                let place = Arc::clone(places).try_acquire_owned();
                Some(place.map_err(|_| self.limit_error(lease))?)
            }
            None => None,
        };
        let any = Arc::clone(&self.any).try_acquire_owned().map_err(|_| self.limit_error(lease))?;
        Ok(self.place(lease, any, of_kind))
    }

    /// A place in turn.
    pub(super) async fn take(&self, lease: Lease) -> Option<Permit> {
        // The semaphores are never closed.
        let of_kind = match self.kind(lease) {
            Some(places) => Some(Arc::clone(places).acquire_owned().await.ok()?),
            None => None,
        };
        let any = Arc::clone(&self.any).acquire_owned().await.ok()?;
        Some(self.place(lease, any, of_kind))
    }

    fn place(
        &self,
        lease: Lease,
        any: OwnedSemaphorePermit,
        of_kind: Option<OwnedSemaphorePermit>,
    ) -> Permit {
        let stream = (lease == Lease::Stream).then(|| self.count_stream());
        Permit { _any: any, of_kind, stream, lease }
    }

    fn count_stream(&self) -> Counted {
        self.streams.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(&self.streams))
    }

    /// Counts a place as a stream's from now on, if their share has room for it.
    pub(super) fn count_as_stream(&self, place: &mut Permit) -> bool {
        match place.lease {
            Lease::Stream => return true,
            // It is one of theirs.
            Lease::Blocking => {}
            Lease::Short | Lease::Upload => {
                let Ok(permit) = Arc::clone(&self.long_lived).try_acquire_owned() else {
                    return false;
                };
                place.of_kind = Some(permit);
            }
        }
        place.stream = Some(self.count_stream());
        place.lease = Lease::Stream;
        true
    }

    /// Whether a request that found no place could have one if a place that is held for `held` came free, or counted as a
    /// stream's.
    pub(super) fn is_in_the_way(&self, held: Lease, wanted: Lease) -> bool {
        match held {
            Lease::Stream => false,
            // Only so that nobody waits for it.
            Lease::Blocking => true,
            Lease::Upload if wanted == Lease::Upload => true,
            Lease::Short | Lease::Upload => self.any.available_permits() == 0,
        }
    }

    /// The places of which a request of this kind must have one beside one of all.
    const fn kind(&self, lease: Lease) -> Option<&Arc<Semaphore>> {
        match lease {
            Lease::Short => None,
            Lease::Upload => Some(&self.uploads),
            Lease::Blocking | Lease::Stream => Some(&self.long_lived),
        }
    }

    /// How many places there are for requests of this kind.
    fn capacity_for(&self, lease: Lease) -> usize {
        match lease {
            Lease::Short => self.capacity(),
            Lease::Upload => self.limits.uploads(),
            Lease::Blocking | Lease::Stream => self.limits.long_lived(),
        }
    }

    /// Whether only streams could make room.
    pub(super) fn is_held_by_streams(&self, lease: Lease) -> bool {
        let shared = match lease {
            Lease::Short | Lease::Upload => self.capacity(),
            Lease::Blocking | Lease::Stream => self.limits.long_lived(),
        };
        self.streams.load(Ordering::Relaxed) >= shared
    }

    pub(super) fn limit_error(&self, lease: Lease) -> ConnectError {
        ConnectError::LimitReached { places: self.capacity_for(lease) }
    }

    /// All places, those of the share for long, those for uploads, and the streams that are counted: how many are taken.
    #[cfg(test)]
    pub(super) fn counts(&self) -> [usize; 4] {
        [
            self.in_use(),
            self.limits.long_lived() - self.long_lived.available_permits(),
            self.limits.uploads() - self.uploads.available_permits(),
            self.streams.load(Ordering::Relaxed),
        ]
    }
}
