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
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::{Connect, ConnectError};
use crate::Agent;

/// Nomad's own client gives a node one second to accept (`ClientConnTimeout`).
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// So many idle connections an agent: an agent allows 100 from one address, and streams need theirs.
const MAX_IDLE: usize = 32;

/// After so long an idle connection is not trusted any more; agents themselves never close one.
const IDLE_LIMIT: Duration = Duration::from_secs(90);

/// Connections to every agent, kept for the next request. Cheap to clone: all clones are one pool.
#[derive(Debug)]
pub struct Pool<C, B> {
    connect: C,
    idle: Idle<B>,
}

type Idle<B> = Arc<Mutex<HashMap<SocketAddr, Vec<Connection<B>>>>>;

impl<C: Clone, B> Clone for Pool<C, B> {
    fn clone(&self) -> Self {
        Self { connect: self.connect.clone(), idle: Arc::clone(&self.idle) }
    }
}

/// A connection to an agent, free for one request. Dropping it closes it at once.
#[derive(Debug)]
pub struct Connection<B> {
    sender: SendRequest<B>,
    driver: Driver,
    address: SocketAddr,
    idle_since: Instant,
    idle: Idle<B>,
    is_reused: bool,
}

/// The task that moves the connection's bytes. It ends with its owner, also in the middle of a stream.
#[derive(Debug)]
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<C, B> Pool<C, B> {
    /// An empty pool.
    #[must_use]
    pub fn new(connect: C) -> Self {
        Self { connect, idle: Arc::default() }
    }
}

impl<C, B> Pool<C, B>
where
    C: Connect,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// A connection that waited, or a new one.
    ///
    /// # Errors
    /// [`ConnectError`] when a new one cannot be made.
    pub async fn take(&self, agent: &Agent) -> Result<Connection<B>, ConnectError> {
        match self.take_idle(agent.address()) {
            Some(connection) => Ok(connection),
            None => self.open(agent).await,
        }
    }

    fn take_idle(&self, address: SocketAddr) -> Option<Connection<B>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle.get_mut(&address)?;
        while let Some(mut connection) = waiting.pop() {
            if !connection.sender.is_closed() && connection.idle_since.elapsed() < IDLE_LIMIT {
                connection.is_reused = true;
                return Some(connection);
            }
        }
        None
    }

    /// A new connection, whatever waits.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn open(&self, agent: &Agent) -> Result<Connection<B>, ConnectError> {
        let io = timeout(CONNECT_LIMIT, self.connect.connect(agent)).await;
        let io =
            io.map_err(|_| ConnectError::Timeout(CONNECT_LIMIT))?.map_err(ConnectError::Refused)?;
        let handshake = http1::Builder::new().writev(true).handshake(io).await;
        let (sender, connection) = handshake.map_err(ConnectError::Handshake)?;
        // What goes wrong on the connection is told to whoever waits for an answer on it.
        let driver = Driver(tokio::spawn(async move { drop(connection.await) }));
        Ok(Connection {
            sender,
            driver,
            address: agent.address(),
            idle_since: Instant::now(),
            idle: Arc::clone(&self.idle),
            is_reused: false,
        })
    }
}

impl<B> Connection<B> {
    /// It carried a request before, so that the agent may have closed it unseen.
    pub(crate) const fn is_reused(&self) -> bool {
        self.is_reused
    }

    pub(crate) const fn sender(&mut self) -> &mut SendRequest<B> {
        &mut self.sender
    }

    /// Puts it back after an answer was read to its end.
    pub(crate) fn give_back(mut self) {
        if self.sender.is_closed() || self.driver.0.is_finished() {
            return;
        }
        self.idle_since = Instant::now();
        let pool = Arc::clone(&self.idle);
        let mut idle = pool.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle.entry(self.address).or_default();
        if waiting.len() < MAX_IDLE {
            waiting.push(self);
        }
    }
}
