//! Whoever comes first is served first.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{Budget, ConnectError};

/// The places of one agent's connections. Tokio's semaphore serves in the order of arrival.
#[derive(Debug)]
pub(super) struct Queue {
    places: Arc<Semaphore>,
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
        let places = Arc::new(Semaphore::new(budget.connections.max(1)));
        Self { places, waiting: AtomicUsize::new(0), budget }
    }

    /// How many places are taken.
    pub(super) fn used(&self) -> usize {
        self.most() - self.places.available_permits()
    }

    /// How many places there are.
    pub(super) fn most(&self) -> usize {
        self.budget.connections.max(1)
    }

    /// A place, at once or in turn.
    pub(super) async fn enter(&self) -> Result<OwnedSemaphorePermit, ConnectError> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.budget.waiting {
            return Err(ConnectError::Crowded { waiting: before });
        }
        let place = timeout(self.budget.patience, Arc::clone(&self.places).acquire_owned()).await;
        // The semaphore is never closed.
        place.ok().and_then(Result::ok).ok_or(ConnectError::Busy(self.budget.patience))
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
        let held = queue.enter().await.unwrap();
        let first = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.enter().await }
        });
        tokio::task::yield_now().await;
        assert!(matches!(queue.enter().await, Err(ConnectError::Crowded { waiting: 1 })));
        drop(held);
        let held = first.await.unwrap().unwrap();
        assert!(matches!(queue.enter().await, Err(ConnectError::Busy(_))));
        drop(held);
        assert!(queue.enter().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_goes_away_makes_room_in_the_queue() {
        let queue = Queue::new(BUDGET);
        let _held = queue.enter().await.unwrap();
        let gone = timeout(Duration::from_secs(1), queue.enter()).await;
        assert!(gone.is_err());
        assert_eq!(queue.waiting.load(Ordering::Relaxed), 0);
    }
}
