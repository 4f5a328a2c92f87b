//! Whoever comes first is served first.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{Budget, ConnectError, Lease};

/// The places of one agent's connections. Tokio's semaphore serves in the order of arrival.
#[derive(Debug)]
pub(super) struct Queue {
    places: Arc<Semaphore>,
    /// The places that may be held for long. Whoever holds one of them holds one of all, too.
    long_lived: Arc<Semaphore>,
    /// The places for uploads that still come, of which each is one of all, too.
    uploads: Arc<Semaphore>,
    /// The places that streams hold, which end only when their callers leave.
    streams: Arc<AtomicUsize>,
    waiting: AtomicUsize,
    budget: Budget,
}

/// A place for one connection.
#[derive(Debug)]
pub(super) struct Place {
    // In this order: who waits for a place of its kind finds one of all behind it.
    _any: OwnedSemaphorePermit,
    _of_kind: Option<OwnedSemaphorePermit>,
    _stream: Option<Counted>,
}

/// One of those who are counted, until it is dropped.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One who waits; counted until it is dropped, so that callers who go away are not.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queue {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            places: Arc::new(Semaphore::new(budget.connections.max(1))),
            long_lived: Arc::new(Semaphore::new(budget.long_lived())),
            uploads: Arc::new(Semaphore::new(budget.uploads())),
            streams: Arc::default(),
            waiting: AtomicUsize::new(0),
            budget,
        }
    }

    /// How many places are taken.
    pub(super) fn used(&self) -> usize {
        self.most() - self.places.available_permits()
    }

    /// How many places there are.
    pub(super) fn most(&self) -> usize {
        self.budget.connections.max(1)
    }

    /// A place, if there is one now.
    pub(super) fn try_enter(&self, lease: Lease) -> Result<Place, ConnectError> {
        let of_kind = match self.kind(lease) {
            Some(places) => {
                let place = Arc::clone(places).try_acquire_owned();
                Some(place.map_err(|_| self.full(lease))?)
            }
            None => None,
        };
        let any = Arc::clone(&self.places).try_acquire_owned().map_err(|_| self.full(lease))?;
        Ok(self.place(lease, any, of_kind))
    }

    /// A place, at once or in turn. Nobody waits where only streams could make room.
    pub(super) async fn enter(&self, lease: Lease) -> Result<Place, ConnectError> {
        if let Ok(place) = self.try_enter(lease) {
            return Ok(place);
        }
        if self.is_stuck(lease) {
            return Err(self.full(lease));
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.budget.waiting {
            return Err(ConnectError::Crowded { waiting: before });
        }
        let place = timeout(self.budget.patience, self.wait(lease)).await;
        place.ok().flatten().ok_or(ConnectError::Busy(self.budget.patience))
    }

    async fn wait(&self, lease: Lease) -> Option<Place> {
        // The semaphores are never closed.
        let of_kind = match self.kind(lease) {
            Some(places) => Some(Arc::clone(places).acquire_owned().await.ok()?),
            None => None,
        };
        let any = Arc::clone(&self.places).acquire_owned().await.ok()?;
        Some(self.place(lease, any, of_kind))
    }

    fn place(
        &self,
        lease: Lease,
        any: OwnedSemaphorePermit,
        of_kind: Option<OwnedSemaphorePermit>,
    ) -> Place {
        let stream = (lease == Lease::Stream).then(|| {
            self.streams.fetch_add(1, Ordering::Relaxed);
            Counted(Arc::clone(&self.streams))
        });
        Place { _any: any, _of_kind: of_kind, _stream: stream }
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
    fn share(&self, lease: Lease) -> usize {
        match lease {
            Lease::Short => self.most(),
            Lease::Upload => self.budget.uploads(),
            Lease::Blocking | Lease::Stream => self.budget.long_lived(),
        }
    }

    /// Whether only streams could make room.
    fn is_stuck(&self, lease: Lease) -> bool {
        let shared = match lease {
            Lease::Short | Lease::Upload => self.most(),
            Lease::Blocking | Lease::Stream => self.budget.long_lived(),
        };
        self.streams.load(Ordering::Relaxed) >= shared
    }

    fn full(&self, lease: Lease) -> ConnectError {
        ConnectError::Full { places: self.share(lease) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const BUDGET: Budget = Budget { connections: 1, waiting: 1, patience: Duration::from_secs(5) };

    #[tokio::test(start_paused = true)]
    async fn a_place_is_waited_for_in_turn_and_not_for_ever() {
        let queue = Arc::new(Queue::new(BUDGET));
        let held = queue.enter(Lease::Short).await.unwrap();
        let first = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.enter(Lease::Short).await }
        });
        tokio::task::yield_now().await;
        assert!(matches!(
            queue.enter(Lease::Short).await,
            Err(ConnectError::Crowded { waiting: 1 })
        ));
        drop(held);
        let held = first.await.unwrap().unwrap();
        assert!(matches!(queue.enter(Lease::Short).await, Err(ConnectError::Busy(_))));
        drop(held);
        assert!(queue.enter(Lease::Short).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_goes_away_makes_room_in_the_queue() {
        let queue = Queue::new(BUDGET);
        let _held = queue.enter(Lease::Short).await.unwrap();
        let gone = timeout(Duration::from_secs(1), queue.enter(Lease::Short)).await;
        assert!(gone.is_err());
        assert_eq!(queue.waiting.load(Ordering::Relaxed), 0);
    }

    const SHARED: Budget = Budget { connections: 10, waiting: 4, patience: Duration::from_secs(5) };

    #[tokio::test(start_paused = true)]
    async fn streams_leave_places_to_short_calls() {
        let queue = Queue::new(SHARED);
        let _streams =
            [queue.try_enter(Lease::Stream).unwrap(), queue.try_enter(Lease::Stream).unwrap()];
        let since = tokio::time::Instant::now();
        for lease in [Lease::Stream, Lease::Blocking] {
            let refused = queue.enter(lease).await;
            assert!(matches!(refused, Err(ConnectError::Full { places: 2 })), "{refused:?}");
        }
        assert_eq!(since.elapsed(), Duration::ZERO, "nobody waits for streams to end");
        let short: Vec<_> = (0..8).map(|_| queue.try_enter(Lease::Short).unwrap()).collect();
        assert!(matches!(queue.try_enter(Lease::Short), Err(ConnectError::Full { places: 10 })));
        drop(short);
        assert!(queue.enter(Lease::Short).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn blocking_queries_end_and_are_waited_for() {
        let queue = Queue::new(SHARED);
        let _stream = queue.try_enter(Lease::Stream).unwrap();
        let query = queue.try_enter(Lease::Blocking).unwrap();
        let since = tokio::time::Instant::now();
        let refused = queue.enter(Lease::Stream).await;
        assert!(matches!(refused, Err(ConnectError::Busy(_))), "{refused:?}");
        assert_eq!(since.elapsed(), SHARED.patience);
        let leave = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(query);
        };
        let (place, ()) = tokio::join!(queue.enter(Lease::Stream), leave);
        assert!(place.is_ok());
        drop(place);
        assert!(queue.try_enter(Lease::Blocking).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_a_stream_alone_could_free_is_not_waited_for() {
        let queue = Queue::new(Budget { connections: 1, ..SHARED });
        let stream = queue.try_enter(Lease::Stream).unwrap();
        assert!(matches!(queue.enter(Lease::Short).await, Err(ConnectError::Full { places: 1 })));
        drop(stream);
        assert!(queue.enter(Lease::Short).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn uploads_leave_places_to_short_calls_whatever_streams_hold() {
        let budget = Budget::default();
        let queue = Queue::new(budget);
        let enter = |lease, count| -> Vec<Place> {
            (0..count).map(|_| queue.try_enter(lease).unwrap()).collect()
        };
        let _streams = enter(Lease::Stream, budget.long_lived());
        let mut uploads = enter(Lease::Upload, budget.uploads());
        let _short = enter(Lease::Short, Budget::SHORT);
        assert!(queue.try_enter(Lease::Upload).is_err());
        // An upload ends by itself, so that the next one may wait.
        let leave = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(uploads.pop());
        };
        let (place, ()) = tokio::join!(queue.enter(Lease::Upload), leave);
        assert!(place.is_ok());
    }
}
