//! Connections that wait for their next request.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body::Body;
use hyper::client::conn::http1;
use tokio::time::{Instant, timeout};

use super::{
    Budget, Connect, ConnectError, Lease, Turn,
    connection::{Connection, Wire},
    driver::Driver,
    hear_out::HearOut,
    line::Line,
    place::Place,
};
use crate::Agent;

/// Nomad's own client gives a node one second to accept (`ClientConnTimeout`).
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// So often connections that have waited for too long are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Connections to every agent, kept for the next request. Cheap to clone: all clones are one pool.
#[derive(Debug)]
pub struct Pool<C: Connect, B> {
    connect: C,
    budget: Budget,
    lines: Lines<C::Key, B>,
}

type Lines<K, B> = Arc<Mutex<Fleet<K, B>>>;

/// What there is to all agents.
#[derive(Debug)]
struct Fleet<K, B> {
    lines: HashMap<K, Arc<Line<B>>>,
    swept: Instant,
}

impl<K, B> Fleet<K, B> {
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
        // Connections that are used know their line.
        self.lines.retain(|_, line| line.sweep() || Arc::strong_count(line) > 1);
    }
}

impl<C: Connect, B> Clone for Pool<C, B> {
    fn clone(&self) -> Self {
        Self { connect: self.connect.clone(), budget: self.budget, lines: Arc::clone(&self.lines) }
    }
}

impl<C: Connect, B> Pool<C, B> {
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
    pub async fn take(
        &self,
        agent: &Arc<Agent>,
        lease: Lease,
    ) -> Result<Connection<B>, ConnectError> {
        let line = self.line(agent);
        let place = line.enter(lease).await?;
        self.take_in(agent, line, place).await
    }

    /// The same without waiting for a place.
    pub(crate) async fn take_now(
        &self,
        agent: &Arc<Agent>,
        lease: Lease,
    ) -> Result<Connection<B>, ConnectError> {
        let line = self.line(agent);
        let place = line.try_enter(lease)?;
        self.take_in(agent, line, place).await
    }

    async fn take_in(
        &self,
        agent: &Arc<Agent>,
        line: Arc<Line<B>>,
        place: Place,
    ) -> Result<Connection<B>, ConnectError> {
        let (agent, place) = (Arc::clone(agent), Some(place));
        match line.take_idle(&agent) {
            Some(wire) => Ok(Connection::new(wire, line, agent, true, place)),
            None => self.open(agent, line, place).await,
        }
    }

    fn line(&self, agent: &Agent) -> Arc<Line<B>> {
        let key = self.connect.key(agent);
        let mut fleet = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        fleet.sweep();
        let new = || Arc::new(Line::new(self.budget));
        Arc::clone(fleet.lines.entry(key).or_insert_with(new))
    }

    /// A new connection in the place of one that turned out closed.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub(crate) async fn reopen(
        &self,
        closed: Connection<B>,
    ) -> Result<Connection<B>, ConnectError> {
        let (agent, line, place) = closed.replace();
        self.open(agent, line, place).await
    }

    async fn open(
        &self,
        agent: Arc<Agent>,
        line: Arc<Line<B>>,
        place: Option<Place>,
    ) -> Result<Connection<B>, ConnectError> {
        let io = timeout(CONNECT_LIMIT, self.connect.connect(&agent)).await;
        let io =
            io.map_err(|_| ConnectError::Timeout(CONNECT_LIMIT))?.map_err(ConnectError::Refused)?;
        let handshake =
            http1::Builder::new().writev(true).handshake(Turn::new(HearOut::new(io))).await;
        let (sender, connection) = handshake.map_err(ConnectError::Handshake)?;
        // What goes wrong on the connection is told to whoever waits for an answer on it.
        let driver = Driver::new(async move { drop(connection.with_upgrades().await) });
        let wire = Wire::new(Arc::clone(&agent), sender, driver, line.add_slot());
        Ok(Connection::new(wire, line, agent, false, place))
    }
}
