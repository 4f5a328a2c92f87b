//! Connections that wait for their next request.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use tokio::{
    sync::OwnedSemaphorePermit,
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::{Budget, Connect, ConnectError, queue::Queue};
use crate::Agent;

/// Nomad's own client gives a node one second to accept (`ClientConnTimeout`).
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// So many idle connections an agent: an agent allows 100 from one address, and streams need theirs.
const MAX_IDLE: usize = 32;

/// After so long an idle connection is not trusted any more; agents themselves never close one.
const IDLE_LIMIT: Duration = Duration::from_secs(90);

/// So often connections that have waited for too long are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Connections to every agent, kept for the next request. Cheap to clone: all clones are one pool.
#[derive(Debug)]
pub struct Pool<C, B> {
    connect: C,
    budget: Budget,
    lines: Lines<B>,
}

type Lines<B> = Arc<Mutex<Fleet<B>>>;

/// What there is to all agents.
#[derive(Debug)]
struct Fleet<B> {
    lines: HashMap<SocketAddr, Line<B>>,
    swept: Instant,
}

impl<B> Fleet<B> {
    fn new() -> Self {
        Self { lines: HashMap::new(), swept: Instant::now() }
    }

    /// Closes what has waited for too long, and forgets agents that nobody asks any more. Without it a fleet of ten
    /// thousand agents, each asked once, would hold ten thousand sockets for ever.
    fn sweep(&mut self) {
        if self.swept.elapsed() < SWEEP_EVERY {
            return;
        }
        self.swept = Instant::now();
        self.lines.retain(|_, line| {
            line.idle.retain(|connection| connection.is_fresh());
            !line.idle.is_empty() || Arc::strong_count(&line.queue) > 1 || line.queue.is_used()
        });
    }
}

/// What there is to one agent.
#[derive(Debug)]
struct Line<B> {
    idle: Vec<Connection<B>>,
    queue: Arc<Queue>,
}

impl<C: Clone, B> Clone for Pool<C, B> {
    fn clone(&self) -> Self {
        Self { connect: self.connect.clone(), budget: self.budget, lines: Arc::clone(&self.lines) }
    }
}

/// A connection to an agent, free for one request. Dropping it closes it at once.
#[derive(Debug)]
pub struct Connection<B> {
    sender: SendRequest<B>,
    driver: Driver,
    address: SocketAddr,
    idle_since: Instant,
    lines: Lines<B>,
    is_reused: bool,
    /// Held while a request uses it. A waiting connection holds none: whoever gets its place takes it along.
    place: Place,
}

/// A place in the agent's budget. The driver holds it too, so that it comes free after the socket is closed.
type Place = Arc<Mutex<Option<OwnedSemaphorePermit>>>;

fn put(place: &Place, permit: Option<OwnedSemaphorePermit>) -> Option<OwnedSemaphorePermit> {
    std::mem::replace(&mut *place.lock().unwrap_or_else(PoisonError::into_inner), permit)
}

/// The task that moves the connection's bytes. It ends with its owner, also in the middle of a stream.
#[derive(Debug)]
struct Driver(Option<JoinHandle<()>>);

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl<C, B> Pool<C, B> {
    /// An empty pool.
    #[must_use]
    pub fn new(connect: C) -> Self {
        Self { connect, budget: Budget::default(), lines: Arc::new(Mutex::new(Fleet::new())) }
    }

    /// The same with another budget.
    #[must_use]
    pub fn budget(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }
}

impl<C, B> Pool<C, B>
where
    C: Connect,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// A connection that waited, or a new one; when the agent has as many as it may, the first that is free again.
    ///
    /// # Errors
    /// [`ConnectError`] when there is none in time, or a new one cannot be made.
    pub async fn take(&self, agent: &Agent) -> Result<Connection<B>, ConnectError> {
        let place = self.queue(agent.address()).enter().await?;
        match self.take_idle(agent.address()) {
            Some(connection) => {
                put(&connection.place, Some(place));
                Ok(connection)
            }
            None => self.open(agent, place).await,
        }
    }

    fn queue(&self, address: SocketAddr) -> Arc<Queue> {
        let mut fleet = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        fleet.sweep();
        let line = fleet
            .lines
            .entry(address)
            .or_insert_with(|| Line { idle: Vec::new(), queue: Arc::new(Queue::new(self.budget)) });
        Arc::clone(&line.queue)
    }

    fn take_idle(&self, address: SocketAddr) -> Option<Connection<B>> {
        let mut fleet = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = fleet.lines.get_mut(&address)?;
        while let Some(mut connection) = line.idle.pop() {
            if connection.is_fresh() {
                connection.is_reused = true;
                return Some(connection);
            }
        }
        None
    }

    /// A new connection in the place of one that turned out closed.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub(crate) async fn reopen(
        &self,
        agent: &Agent,
        closed: Connection<B>,
    ) -> Result<Connection<B>, ConnectError> {
        let place = put(&closed.place, None);
        drop(closed);
        match place {
            Some(place) => self.open(agent, place).await,
            None => self.take(agent).await,
        }
    }

    async fn open(
        &self,
        agent: &Agent,
        place: OwnedSemaphorePermit,
    ) -> Result<Connection<B>, ConnectError> {
        let io = timeout(CONNECT_LIMIT, self.connect.connect(agent)).await;
        let io =
            io.map_err(|_| ConnectError::Timeout(CONNECT_LIMIT))?.map_err(ConnectError::Refused)?;
        let handshake = http1::Builder::new().writev(true).handshake(io).await;
        let (sender, connection) = handshake.map_err(ConnectError::Handshake)?;
        // What goes wrong on the connection is told to whoever waits for an answer on it.
        let place: Place = Arc::new(Mutex::new(Some(place)));
        let held = Arc::clone(&place);
        let driver = tokio::spawn(async move {
            drop(connection.with_upgrades().await);
            drop(held);
        });
        Ok(Connection {
            sender,
            driver: Driver(Some(driver)),
            address: agent.address(),
            idle_since: Instant::now(),
            lines: Arc::clone(&self.lines),
            is_reused: false,
            place,
        })
    }
}

impl<B> Connection<B> {
    /// It waited not for too long, and the agent has not closed it.
    fn is_fresh(&self) -> bool {
        !self.sender.is_closed() && self.idle_since.elapsed() < IDLE_LIMIT
    }

    /// It carried a request before, so that the agent may have closed it unseen.
    pub(crate) const fn is_reused(&self) -> bool {
        self.is_reused
    }

    pub(crate) const fn sender(&mut self) -> &mut SendRequest<B> {
        &mut self.sender
    }

    /// Leaves it to whoever gets it upgraded. Its driver ends by itself then, and its place comes free: agents stop
    /// counting a connection that was upgraded.
    pub(crate) fn let_go(mut self) {
        drop(self.driver.0.take());
        drop(put(&self.place, None));
    }

    /// Puts it back after an answer was read to its end.
    pub(crate) fn give_back(mut self) {
        if self.sender.is_closed() || self.driver.0.as_ref().is_none_or(JoinHandle::is_finished) {
            return;
        }
        self.idle_since = Instant::now();
        // Last, so that whoever gets the place finds the connection waiting.
        let place = put(&self.place, None);
        let pool = Arc::clone(&self.lines);
        let mut fleet = pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = fleet.lines.get_mut(&self.address)
            && line.idle.len() < MAX_IDLE
        {
            line.idle.push(self);
        }
        drop(fleet);
        drop(place);
    }
}
