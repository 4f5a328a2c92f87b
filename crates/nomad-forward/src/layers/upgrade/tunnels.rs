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

use super::close_frame::CloseFrame;
use crate::layers::attribution::responding_agent;

/// After the end was announced a tunnel only drops its sockets.
const DROP_TIMEOUT: Duration = Duration::from_secs(1);

/// All tunnels of a gateway. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub struct Tunnels {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: u32,
    permits: Arc<Semaphore>,
    /// For those about whom nothing is decided, and who are being told why they may not: as many, and none of the others'.
    undecided: Arc<Semaphore>,
    shutdown_sender: watch::Sender<bool>,
    total: AtomicU64,
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
        Self {
            shared: Arc::new(Shared {
                limit,
                permits: places,
                undecided,
                shutdown_sender: over,
                total: opened,
            }),
        }
    }

    /// How many are open now.
    #[must_use]
    pub fn active(&self) -> usize {
        (self.shared.limit as usize).saturating_sub(self.shared.permits.available_permits())
    }

    /// How many have been opened so far.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.shared.total.load(Ordering::Relaxed)
    }

    /// Returns when none is open, and none waits to be decided about.
    pub async fn all_closed(&self) {
        // Each passage listens for the end.
        self.shared.shutdown_sender.closed().await;
    }

    /// Closes those that are still open, and refuses new ones.
    pub async fn close_all(&self) {
        self.shared.shutdown_sender.send_replace(true);
        drop(timeout(DROP_TIMEOUT, self.all_closed()).await);
        self.shared.permits.close();
        self.shared.undecided.close();
    }

    /// A place for one more, if there is one.
    pub(super) fn try_acquire(&self) -> Option<TunnelPermit> {
        let place = self.shared.open()?;
        Some(self.passage(place))
    }

    /// The same for one about which nothing is decided yet.
    pub(super) fn wait(&self) -> Option<TunnelPermit> {
        let place = Arc::clone(&self.shared.undecided).try_acquire_owned().ok()?;
        Some(self.passage(place))
    }

    fn passage(&self, place: OwnedSemaphorePermit) -> TunnelPermit {
        let over = self.shared.shutdown_sender.subscribe();
        let (shared, tally) = (Arc::clone(&self.shared), TunnelStats::default());
        TunnelPermit { shared, stats: tally, permit: Mutex::new(place), shutdown: over }
    }
}

impl Shared {
    fn open(&self) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        self.total.fetch_add(1, Ordering::Relaxed);
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
pub(super) struct TunnelPermit {
    shared: Arc<Shared>,
    stats: TunnelStats,
    /// Given back before `over` is dropped, by which the end is known.
    permit: Mutex<OwnedSemaphorePermit>,
    shutdown: watch::Receiver<bool>,
}

impl TunnelPermit {
    /// Takes a place among those that are open, if there is one, for one that waited.
    pub(super) fn open(&self) -> Result<(), CloseFrame> {
        let place = self.shared.open();
        self.move_to(place.ok_or_else(|| CloseFrame::busy("too many websockets are open"))?);
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
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    pub(super) fn stats(&self) -> TunnelStats {
        self.stats.clone()
    }

    /// Notes which agent's answer opened it.
    pub(super) fn record_agent<B>(&self, response: &Response<B>) {
        if let Some(agent) = responding_agent(response) {
            // Only the first answer opens it.
            drop(self.stats.counts.agent.set(agent.clone()));
        }
    }

    /// Notes the close frame that is sent from here, after which nothing is open.
    pub(super) fn record_close_code(&self, code: u16) {
        self.leave();
        self.stats.counts.close_code.store(code, Ordering::Relaxed);
    }

    pub(super) fn agent_counter(&self) -> &AtomicU64 {
        &self.stats.counts.to_agent
    }

    pub(super) fn client_counter(&self) -> &AtomicU64 {
        &self.stats.counts.to_client
    }

    /// Returns when all tunnels must end.
    pub(super) async fn shutdown(&self) {
        // An error means that nobody is left who could say so, and then it may go on.
        if self.shutdown.clone().wait_for(|over| *over).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for TunnelPermit {
    fn drop(&mut self) {
        self.stats.counts.closed.send_replace(true);
    }
}

/// What went through one tunnel. It is found among the extensions of the 101 answer, and lives on after the end.
#[derive(Debug, Clone)]
pub struct TunnelStats {
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Counts {
    to_agent: AtomicU64,
    to_client: AtomicU64,
    close_code: AtomicU16,
    agent: OnceLock<HeaderValue>,
    closed: watch::Sender<bool>,
}

impl Default for TunnelStats {
    fn default() -> Self {
        let counts = Counts {
            to_agent: AtomicU64::new(0),
            to_client: AtomicU64::new(0),
            close_code: AtomicU16::new(0),
            agent: OnceLock::new(),
            closed: watch::Sender::new(false),
        };
        Self { counts: Arc::new(counts) }
    }
}

impl TunnelStats {
    /// Bytes that went to the agent.
    #[must_use]
    pub fn bytes_to_agent(&self) -> u64 {
        self.counts.to_agent.load(Ordering::Relaxed)
    }

    /// Bytes that went to the caller.
    #[must_use]
    pub fn bytes_to_client(&self) -> u64 {
        self.counts.to_client.load(Ordering::Relaxed)
    }

    /// The agent at the other end, once it has answered.
    #[must_use]
    pub fn agent(&self) -> Option<&HeaderValue> {
        self.counts.agent.get()
    }

    /// The code of the close frame that the gateway itself sent, if it did.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        Some(self.counts.close_code.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }

    /// Returns when the tunnel has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    pub async fn closed(&self) {
        // The sender lives as long as this handle.
        drop(self.counts.closed.subscribe().wait_for(|ended| *ended).await);
    }
}
