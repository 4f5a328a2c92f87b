//! All open tunnels: how many there may be, what went through them, and their end.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU16, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, Response};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};

use super::close::Close;
use crate::credit::answered_by;

/// After the end was announced a tunnel only drops its sockets.
const DROP_LIMIT: Duration = Duration::from_secs(1);

/// All tunnels of a gateway. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub struct Tunnels {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: u32,
    places: Arc<Semaphore>,
    /// For those about whom nothing is decided, and who are being told why they may not: as many, and none of the others'.
    undecided: Arc<Semaphore>,
    over: watch::Sender<bool>,
    opened: AtomicU64,
}

impl Tunnels {
    /// So many tunnels at once, unless more are asked for: each costs two sockets and 16 KiB.
    pub const LIMIT: u32 = 4096;

    /// At most this many at once; more are answered with 503. As many again may wait until it is decided about them.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        let [places, undecided] = [(); 2].map(|()| Arc::new(Semaphore::new(limit as usize)));
        let over = watch::Sender::new(false);
        let opened = AtomicU64::new(0);
        Self { shared: Arc::new(Shared { limit, places, undecided, over, opened }) }
    }

    /// How many are open now.
    #[must_use]
    pub fn open(&self) -> usize {
        (self.shared.limit as usize).saturating_sub(self.shared.places.available_permits())
    }

    /// How many have been opened so far.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::Relaxed)
    }

    /// Returns when none is open, and none waits to be decided about.
    pub async fn ended(&self) {
        // Each passage listens for the end.
        self.shared.over.closed().await;
    }

    /// Closes those that are still open, and refuses new ones.
    pub async fn end(&self) {
        self.shared.over.send_replace(true);
        drop(timeout(DROP_LIMIT, self.ended()).await);
        self.shared.places.close();
        self.shared.undecided.close();
    }

    /// A place for one more, if there is one.
    pub(super) fn enter(&self) -> Option<Passage> {
        let place = self.shared.open()?;
        Some(self.passage(place))
    }

    /// The same for one about which nothing is decided yet.
    pub(super) fn wait(&self) -> Option<Passage> {
        let place = Arc::clone(&self.shared.undecided).try_acquire_owned().ok()?;
        Some(self.passage(place))
    }

    fn passage(&self, place: OwnedSemaphorePermit) -> Passage {
        let over = self.shared.over.subscribe();
        let (shared, tally) = (Arc::clone(&self.shared), Tally::default());
        Passage { shared, tally, place: Mutex::new(place), over }
    }
}

impl Shared {
    fn open(&self) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        self.opened.fetch_add(1, Ordering::Relaxed);
        Some(place)
    }
}

impl Default for Tunnels {
    fn default() -> Self {
        Self::new(Self::LIMIT)
    }
}

/// One tunnel, and its place among them, held as long as it is open.
#[derive(Debug)]
pub(super) struct Passage {
    shared: Arc<Shared>,
    tally: Tally,
    /// Given back before `over` is dropped, by which the end is known.
    place: Mutex<OwnedSemaphorePermit>,
    over: watch::Receiver<bool>,
}

impl Passage {
    /// Takes a place among those that are open, if there is one, for one that waited.
    pub(super) fn open(&self) -> Result<(), Close> {
        let place = self.shared.open();
        self.move_to(place.ok_or_else(|| Close::busy("too many websockets are open"))?);
        Ok(())
    }

    /// Gives such a place back, for all that is left to say is why it ends.
    fn leave(&self) {
        // With no room among the others it stays where it is.
        if let Ok(place) = Arc::clone(&self.shared.undecided).try_acquire_owned() {
            self.move_to(place);
        }
    }

    fn move_to(&self, place: OwnedSemaphorePermit) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally.clone()
    }

    /// Notes which agent's answer opened it.
    pub(super) fn answered_by<B>(&self, response: &Response<B>) {
        if let Some(agent) = answered_by(response) {
            // Only the first answer opens it.
            drop(self.tally.counts.agent.set(agent.clone()));
        }
    }

    /// Notes the close frame that is sent from here, after which nothing is open.
    pub(super) fn closed_with(&self, code: u16) {
        self.leave();
        self.tally.counts.close.store(code, Ordering::Relaxed);
    }

    pub(super) fn to_agent(&self) -> &AtomicU64 {
        &self.tally.counts.to_agent
    }

    pub(super) fn to_caller(&self) -> &AtomicU64 {
        &self.tally.counts.to_caller
    }

    /// Returns when all tunnels must end.
    pub(super) async fn over(&self) {
        // An error means that nobody is left who could say so, and then it may go on.
        if self.over.clone().wait_for(|over| *over).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.tally.counts.ended.send_replace(true);
    }
}

/// What went through one tunnel. It is found among the extensions of the 101 answer, and lives on after the end.
#[derive(Debug, Clone)]
pub struct Tally {
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Counts {
    to_agent: AtomicU64,
    to_caller: AtomicU64,
    close: AtomicU16,
    agent: OnceLock<HeaderValue>,
    ended: watch::Sender<bool>,
}

impl Default for Tally {
    fn default() -> Self {
        let counts = Counts {
            to_agent: AtomicU64::new(0),
            to_caller: AtomicU64::new(0),
            close: AtomicU16::new(0),
            agent: OnceLock::new(),
            ended: watch::Sender::new(false),
        };
        Self { counts: Arc::new(counts) }
    }
}

impl Tally {
    /// Bytes that went to the agent.
    #[must_use]
    pub fn to_agent(&self) -> u64 {
        self.counts.to_agent.load(Ordering::Relaxed)
    }

    /// Bytes that went to the caller.
    #[must_use]
    pub fn to_caller(&self) -> u64 {
        self.counts.to_caller.load(Ordering::Relaxed)
    }

    /// The agent at the other end, once it has answered.
    #[must_use]
    pub fn agent(&self) -> Option<&HeaderValue> {
        self.counts.agent.get()
    }

    /// The code of the close frame that the gateway itself sent, if it did.
    #[must_use]
    pub fn close(&self) -> Option<u16> {
        Some(self.counts.close.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }

    /// Returns when the tunnel has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    pub async fn ended(&self) {
        // The sender lives as long as this handle.
        drop(self.counts.ended.subscribe().wait_for(|ended| *ended).await);
    }
}
