//! The pool of idle connections.

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
    Connect, ConnectError, ConnectionLimits, DeferredWrite, Lease,
    connection::{Connection, PooledConnection},
    driver::Driver,
    host_pool::HostPool,
    permit::Permit,
    read_after_write_error::ReadAfterWriteError,
};
use crate::Agent;

/// Nomad's own client gives a node one second to accept (`ClientConnTimeout`).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// So often connections that have waited for too long are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// Connections to every agent, kept for the next request. Cheap to clone: all clones are one pool.
#[derive(Debug)]
pub struct Pool<C: Connect, B> {
    connect: C,
    limits: ConnectionLimits,
    host_pools: SharedHostPools<C::Key, B>,
}

type SharedHostPools<K, B> = Arc<Mutex<HostPools<K, B>>>;

/// What there is to all agents.
#[derive(Debug)]
struct HostPools<K, B> {
    by_key: HashMap<K, Arc<HostPool<B>>>,
    swept_at: Instant,
}

impl<K, B> HostPools<K, B> {
    fn new() -> Self {
        Self { by_key: HashMap::new(), swept_at: Instant::now() }
    }

    /// Closes what has waited for too long, and forgets agents that nobody asks any more. Without it a fleet of ten
    /// thousand agents, each asked once, would hold ten thousand sockets for ever.
    fn sweep(&mut self) {
        if self.swept_at.elapsed() < SWEEP_INTERVAL {
            return;
        }
        self.swept_at = Instant::now();
        // Connections that are used know their line.
        self.by_key.retain(|_, line| line.remove_stale() || Arc::strong_count(line) > 1);
    }
}

impl<C: Connect, B> Clone for Pool<C, B> {
    fn clone(&self) -> Self {
        Self {
            connect: self.connect.clone(),
            limits: self.limits,
            host_pools: Arc::clone(&self.host_pools),
        }
    }
}

impl<C: Connect, B> Pool<C, B> {
    /// An empty pool.
    #[must_use]
    pub fn new(connect: C) -> Self {
        Self {
            connect,
            limits: ConnectionLimits::default(),
            host_pools: Arc::new(Mutex::new(HostPools::new())),
        }
    }

    /// The same with another budget.
    #[must_use]
    pub fn with_limits(self, budget: ConnectionLimits) -> Self {
        Self { limits: budget, ..self }
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
    pub async fn checkout(
        &self,
        agent: &Arc<Agent>,
        lease: Lease,
    ) -> Result<Connection<B>, ConnectError> {
        let line = self.host_pool(agent);
        let place = line.acquire(lease).await?;
        self.reuse_or_open(agent, line, place).await
    }

    /// The same without waiting for a place.
    pub(crate) async fn try_checkout(
        &self,
        agent: &Arc<Agent>,
        lease: Lease,
    ) -> Result<Connection<B>, ConnectError> {
        let line = self.host_pool(agent);
        let place = line.try_acquire(lease)?;
        self.reuse_or_open(agent, line, place).await
    }

    async fn reuse_or_open(
        &self,
        agent: &Arc<Agent>,
        line: Arc<HostPool<B>>,
        place: Permit,
    ) -> Result<Connection<B>, ConnectError> {
        let (agent, place) = (Arc::clone(agent), Some(place));
        match line.take_idle(&agent) {
            Some(wire) => Ok(Connection::new(wire, line, agent, true, place)),
            None => self.open(agent, line, place).await,
        }
    }

    fn host_pool(&self, agent: &Agent) -> Arc<HostPool<B>> {
        let key = self.connect.key(agent);
        let mut fleet = self.host_pools.lock().unwrap_or_else(PoisonError::into_inner);
        fleet.sweep();
        let new = || Arc::new(HostPool::new(self.limits));
        Arc::clone(fleet.by_key.entry(key).or_insert_with(new))
    }

    /// A new connection in the place of one that turned out closed.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub(crate) async fn reopen(
        &self,
        closed: Connection<B>,
    ) -> Result<Connection<B>, ConnectError> {
        let (agent, line, place) = closed.into_reopen_parts();
        self.open(agent, line, place).await
    }

    async fn open(
        &self,
        agent: Arc<Agent>,
        line: Arc<HostPool<B>>,
        place: Option<Permit>,
    ) -> Result<Connection<B>, ConnectError> {
        let io = timeout(CONNECT_TIMEOUT, self.connect.connect(&agent)).await;
        let io = io
            .map_err(|_| ConnectError::Timeout(CONNECT_TIMEOUT))?
            .map_err(ConnectError::Refused)?;
        let handshake = http1::Builder::new()
            .writev(true)
            .handshake(DeferredWrite::new(ReadAfterWriteError::new(io)))
            .await;
        let (sender, connection) = handshake.map_err(ConnectError::Handshake)?;
        // What goes wrong on the connection is told to whoever waits for an answer on it.
        let driver = Driver::new(async move { drop(connection.with_upgrades().await) });
        let wire = PooledConnection::new(Arc::clone(&agent), sender, driver, line.add_slot());
        Ok(Connection::new(wire, line, agent, false, place))
    }
}
