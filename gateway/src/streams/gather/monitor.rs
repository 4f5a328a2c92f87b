//! One request to an agent, and the callers who see its answer.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures_util::task::AtomicWaker;
use http::HeaderMap;
use tokio::{sync::watch, task::AbortHandle};

use super::{key::Key, lines::Piece, monitors::Monitors, queue::Queue};
use crate::streams::form::Form;

/// What callers are told before the first byte.
#[derive(Debug)]
pub(super) struct Head {
    /// The agent's headers, and the gateway's.
    pub(super) headers: HeaderMap,
}

/// How far the answer is.
#[derive(Debug, Clone, Default)]
enum Stage {
    /// It has not begun.
    #[default]
    Asked,
    /// It has.
    Begun(Arc<Head>),
    /// It is no monitor.
    Refused,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As the agent wanted.
    Clean,
    /// In the middle.
    Broken,
}

/// One monitor that is shared.
#[derive(Debug)]
pub(super) struct Monitor {
    key: Key,
    stage: watch::Sender<Stage>,
    seats: Mutex<Seats>,
    driver: OnceLock<AbortHandle>,
}

#[derive(Debug, Default)]
struct Seats {
    taken: Vec<Arc<Seat>>,
    end: Option<End>,
}

/// One caller's place at a monitor.
#[derive(Debug)]
struct Seat {
    queue: Mutex<Queue>,
    reader: AtomicWaker,
}

impl Monitor {
    pub(super) fn new(key: Key) -> Arc<Self> {
        Arc::new(Self {
            key,
            stage: watch::Sender::default(),
            seats: Mutex::default(),
            driver: OnceLock::new(),
        })
    }

    pub(super) const fn key(&self) -> &Key {
        &self.key
    }

    /// One caller more.
    pub(super) fn listen(self: &Arc<Self>, monitors: Monitors) -> Listener {
        let queue = Mutex::new(Queue::new(self.key.form));
        let seat = Arc::new(Seat { queue, reader: AtomicWaker::new() });
        locked(&self.seats).taken.push(Arc::clone(&seat));
        Listener { monitor: Arc::clone(self), monitors, seat }
    }

    pub(super) fn is_empty(&self) -> bool {
        locked(&self.seats).taken.is_empty()
    }

    /// Ends the request to the agent.
    pub(super) fn cancel(&self) {
        if let Some(driver) = self.driver.get() {
            driver.abort();
        }
    }
}

/// One caller of a monitor. When the last one is dropped the request to the agent ends at once.
#[derive(Debug)]
pub(super) struct Listener {
    monitor: Arc<Monitor>,
    monitors: Monitors,
    seat: Arc<Seat>,
}

impl Listener {
    pub(super) fn form(&self) -> Form {
        self.monitor.key.form
    }

    /// Says which task reads the agent's answer.
    pub(super) fn driven_by(&self, driver: AbortHandle) {
        // There is one first caller, so it is told once.
        drop(self.monitor.driver.set(driver));
    }

    /// The head of the answer as soon as it is there; nothing when it is not to be shared.
    pub(super) async fn head(&self) -> Option<Arc<Head>> {
        let mut stage = self.monitor.stage.subscribe();
        let known = stage.wait_for(|stage| !matches!(stage, Stage::Asked)).await;
        match &*known.ok()? {
            Stage::Begun(head) => Some(Arc::clone(head)),
            Stage::Asked | Stage::Refused => None,
        }
    }

    /// The next piece, or how it ended; nothing yet, and then `waker` is woken.
    pub(super) fn poll(&self, waker: &std::task::Waker) -> Option<Result<Piece, End>> {
        self.seat.reader.register(waker);
        // The end is looked at first: what was published before it is in the queue by then.
        let end = locked(&self.monitor.seats).end;
        match locked(&self.seat.queue).pop() {
            Some(piece) => Some(Ok(piece)),
            None => end.map(Err),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let monitor = &self.monitor;
        self.monitors.leave(monitor, || {
            locked(&monitor.seats).taken.retain(|seat| !Arc::ptr_eq(seat, &self.seat));
        });
    }
}

/// Whoever reads the agent's answer. Dropping it is a broken end.
#[derive(Debug)]
pub(super) struct Publisher {
    monitor: Arc<Monitor>,
    monitors: Monitors,
}

impl Publisher {
    pub(super) const fn new(monitor: Arc<Monitor>, monitors: Monitors) -> Self {
        Self { monitor, monitors }
    }

    /// The answer has begun.
    pub(super) fn begin(&self, head: Head) {
        self.monitor.stage.send_replace(Stage::Begun(Arc::new(head)));
    }

    /// The answer is none that can be shared: everybody asks for themselves.
    pub(super) fn refuse(self) {
        self.monitors.forget(&self.monitor);
        self.monitor.stage.send_replace(Stage::Refused);
    }

    /// A piece for everybody.
    pub(super) fn publish(&self, piece: &Piece) {
        for seat in &locked(&self.monitor.seats).taken {
            locked(&seat.queue).push(piece.clone());
            seat.reader.wake();
        }
    }

    /// The end, after all that was published.
    pub(super) fn end(self, end: End) {
        self.over(end);
    }

    fn over(&self, end: End) {
        self.monitors.forget(&self.monitor);
        let mut seats = locked(&self.monitor.seats);
        seats.end.get_or_insert(end);
        for seat in &seats.taken {
            seat.reader.wake();
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.over(End::Broken);
    }
}

/// A panic elsewhere leaves these whole, so a poisoned lock is still a good one.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
