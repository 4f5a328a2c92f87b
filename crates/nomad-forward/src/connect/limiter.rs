//! FIFO wait queue for one agent's connection permits.

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
    ConnectError, ConnectionLimits, Lease,
    paused::{Judgement, PauseSlot, PauseSlots},
    permit::{Permit, Permits},
};

/// A request that has made room, and still waits, looks again after so long: others were before it, or a task closes the
/// connection.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The places of one agent's connections, and who waits for one.
#[derive(Debug)]
pub(super) struct Limiter {
    permits: Permits,
    slots: PauseSlots,
    queued: AtomicUsize,
    limits: ConnectionLimits,
}

/// One who waits; counted until it is dropped, so that callers who go away are not.
struct QueueEntry<'a>(&'a AtomicUsize);

impl Drop for QueueEntry<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Limiter {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        let (permits, slots) = (Permits::new(limits), PauseSlots::default());
        Self { permits, slots, queued: AtomicUsize::new(0), limits }
    }

    /// Where a new connection lets its response wait.
    pub(super) fn add_slot(&self) -> Arc<PauseSlot> {
        self.slots.add()
    }

    /// How many places are taken.
    pub(super) fn in_use(&self) -> usize {
        self.permits.in_use()
    }

    /// How many places there are.
    pub(super) fn capacity(&self) -> usize {
        self.permits.capacity()
    }

    /// A place, if there is one now.
    pub(super) fn try_acquire(&self, lease: Lease) -> Result<Permit, ConnectError> {
        self.permits.try_take(lease)
    }

    /// A place, at once or in turn. Nobody waits where only streams could make room.
    pub(super) async fn acquire(&self, lease: Lease) -> Result<Permit, ConnectError> {
        if let Ok(place) = self.try_acquire(lease) {
            return Ok(place);
        }
        let next_look = self.make_room(lease);
        if self.permits.is_held_by_streams(lease) {
            return Err(self.permits.limit_error(lease));
        }
        let before = self.queued.fetch_add(1, Ordering::Relaxed);
        let _waiting = QueueEntry(&self.queued);
        if before >= self.limits.queued {
            return Err(ConnectError::QueueFull { waiting: before });
        }
        let place =
            timeout(self.limits.queue_timeout, self.wait_for_permit(lease, next_look)).await;
        place.ok().flatten().ok_or(ConnectError::QueueTimeout(self.limits.queue_timeout))
    }

    async fn wait_for_permit(&self, lease: Lease, mut next_look: Instant) -> Option<Permit> {
        let mut place = pin!(self.permits.take(lease));
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
            let is_reusable = !self.permits.is_in_the_way(place.lease(), lease)
                || self.permits.count_as_stream(place);
            if is_reusable { Judgement::Keep } else { Judgement::Revoke }
        });
        match ended {
            Ok(()) => {
                tracing::debug!(
                    "a client takes nothing of its response, and its connection is needed"
                );
                Instant::now() + POLL_INTERVAL
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

    const BUDGET: ConnectionLimits =
        ConnectionLimits { connections: 1, queued: 1, queue_timeout: Duration::from_secs(5) };

    #[tokio::test(start_paused = true)]
    async fn permits_are_given_in_order_and_waits_are_bounded() {
        let queue = Arc::new(Limiter::new(BUDGET));
        let held = queue.acquire(Lease::Short).await.unwrap();
        let first = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.acquire(Lease::Short).await }
        });
        tokio::task::yield_now().await;
        assert!(matches!(
            queue.acquire(Lease::Short).await,
            Err(ConnectError::QueueFull { waiting: 1 })
        ));
        drop(held);
        let held = first.await.unwrap().unwrap();
        assert!(matches!(queue.acquire(Lease::Short).await, Err(ConnectError::QueueTimeout(_))));
        drop(held);
        assert!(queue.acquire(Lease::Short).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_dropped_leaves_the_queue() {
        let queue = Limiter::new(BUDGET);
        let _held = queue.acquire(Lease::Short).await.unwrap();
        let gone = timeout(Duration::from_secs(1), queue.acquire(Lease::Short)).await;
        assert!(gone.is_err());
        assert_eq!(queue.queued.load(Ordering::Relaxed), 0);
    }

    const SHARED: ConnectionLimits =
        ConnectionLimits { connections: 10, queued: 4, queue_timeout: Duration::from_secs(5) };

    #[tokio::test(start_paused = true)]
    async fn streams_leave_permits_to_short_calls() {
        let queue = Limiter::new(SHARED);
        let _streams =
            [queue.try_acquire(Lease::Stream).unwrap(), queue.try_acquire(Lease::Stream).unwrap()];
        let since = Instant::now();
        for lease in [Lease::Stream, Lease::Blocking] {
            let refused = queue.acquire(lease).await;
            assert!(
                matches!(refused, Err(ConnectError::LimitReached { places: 2 })),
                "{refused:?}"
            );
        }
        assert_eq!(since.elapsed(), Duration::ZERO, "nobody waits for streams to end");
        let short: Vec<_> = (0..8).map(|_| queue.try_acquire(Lease::Short).unwrap()).collect();
        assert!(matches!(
            queue.try_acquire(Lease::Short),
            Err(ConnectError::LimitReached { places: 10 })
        ));
        drop(short);
        assert!(queue.acquire(Lease::Short).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn blocking_queries_end_and_are_waited_for() {
        let queue = Limiter::new(SHARED);
        let _stream = queue.try_acquire(Lease::Stream).unwrap();
        let query = queue.try_acquire(Lease::Blocking).unwrap();
        let since = Instant::now();
        let refused = queue.acquire(Lease::Stream).await;
        assert!(matches!(refused, Err(ConnectError::QueueTimeout(_))), "{refused:?}");
        assert_eq!(since.elapsed(), SHARED.queue_timeout);
        let leave = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(query);
        };
        let (place, ()) = tokio::join!(queue.acquire(Lease::Stream), leave);
        assert!(place.is_ok());
        drop(place);
        assert!(queue.try_acquire(Lease::Blocking).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_that_only_a_stream_could_free_is_not_waited_for() {
        let queue = Limiter::new(ConnectionLimits { connections: 1, ..SHARED });
        let stream = queue.try_acquire(Lease::Stream).unwrap();
        assert!(matches!(
            queue.acquire(Lease::Short).await,
            Err(ConnectError::LimitReached { places: 1 })
        ));
        drop(stream);
        assert!(queue.acquire(Lease::Short).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn uploads_leave_permits_to_short_calls_whatever_streams_hold() {
        let budget = ConnectionLimits::default();
        let queue = Limiter::new(budget);
        let enter = |lease, count| -> Vec<Permit> {
            (0..count).map(|_| queue.try_acquire(lease).unwrap()).collect()
        };
        let _streams = enter(Lease::Stream, budget.long_lived());
        let mut uploads = enter(Lease::Upload, budget.uploads());
        let _short = enter(Lease::Short, ConnectionLimits::RESERVED_FOR_SHORT);
        assert!(queue.try_acquire(Lease::Upload).is_err());
        // An upload ends by itself, so that the next one may wait.
        let leave = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(uploads.pop());
        };
        let (place, ()) = tokio::join!(queue.acquire(Lease::Upload), leave);
        assert!(place.is_ok());
    }
}
