//! Whoever comes first is served first.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout, timeout_at};

use super::{
    Budget, ConnectError, Lease,
    paused::{Judgement, PauseSlot, PauseSlots},
    place::{Place, Places},
};

/// A request that has made room, and still waits, looks again after so long: others were before it, or a task closes the
/// connection.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The places of one agent's connections, and who waits for one.
#[derive(Debug)]
pub(super) struct Queue {
    places: Places,
    slots: PauseSlots,
    waiting: AtomicUsize,
    budget: Budget,
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
        let (places, slots) = (Places::new(budget), PauseSlots::default());
        Self { places, slots, waiting: AtomicUsize::new(0), budget }
    }

    /// Where a new connection lets its response wait.
    pub(super) fn add_slot(&self) -> Arc<PauseSlot> {
        self.slots.add()
    }

    /// How many places are taken.
    pub(super) fn used(&self) -> usize {
        self.places.used()
    }

    /// How many places there are.
    pub(super) fn most(&self) -> usize {
        self.places.most()
    }

    /// A place, if there is one now.
    pub(super) fn try_enter(&self, lease: Lease) -> Result<Place, ConnectError> {
        self.places.try_take(lease)
    }

    /// A place, at once or in turn. Nobody waits where only streams could make room.
    pub(super) async fn enter(&self, lease: Lease) -> Result<Place, ConnectError> {
        if let Ok(place) = self.try_enter(lease) {
            return Ok(place);
        }
        let next_look = self.make_room(lease);
        if self.places.is_stuck(lease) {
            return Err(self.places.full(lease));
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.budget.waiting {
            return Err(ConnectError::Crowded { waiting: before });
        }
        let place = timeout(self.budget.patience, self.wait(lease, next_look)).await;
        place.ok().flatten().ok_or(ConnectError::Busy(self.budget.patience))
    }

    async fn wait(&self, lease: Lease, mut next_look: Instant) -> Option<Place> {
        let mut place = pin!(self.places.take(lease));
        loop {
            match timeout_at(next_look, place.as_mut()).await {
                Ok(place) => return place,
                Err(_) => next_look = self.make_room(lease),
            }
        }
    }

    /// Makes room for a request that found none. What clients do not take counts as streams, as far as their share has room;
    /// of the rest one response is ended. Says when to look again.
    fn make_room(&self, lease: Lease) -> Instant {
        let ended = self.slots.judge(|place| {
            let is_kept = !self.places.is_in_the_way(place.lease(), lease)
                || self.places.count_as_stream(place);
            if is_kept { Judgement::Keep } else { Judgement::Revoke }
        });
        match ended {
            Ok(()) => {
                tracing::debug!(
                    "a client takes nothing of its response, and its connection is needed"
                );
                Instant::now() + LOOK_AGAIN
            }
            Err(next_look) => next_look,
        }
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
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
        let since = Instant::now();
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
        let since = Instant::now();
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
