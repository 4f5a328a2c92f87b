//! Connections to upstream agents: opened, pooled, reused.

mod connection;
mod connection_limits;
mod deferred_write;
mod driver;
pub(crate) mod health_tracker;
mod host_pool;
mod limiter;
mod paused;
mod permit;
mod pool;
mod read_after_write_error;
mod tcp;
mod tracked_body;
#[cfg(unix)]
mod unix;

use std::{fmt, hash::Hash, io, time::Duration};

use hyper::rt;
use thiserror::Error;

#[cfg(unix)]
pub use self::unix::UnixConnect;
pub use self::{
    connection::Connection,
    connection_limits::{ConnectionLimits, Lease},
    deferred_write::DeferredWrite,
    pool::Pool,
    tcp::{TcpConnect, TcpKey},
};
pub(crate) use self::{connection::SendError, paused::PAUSE_LIMIT};
use crate::Agent;

/// Whoever can open a byte stream to an agent.
pub trait Connect: Clone + Send + Sync + 'static {
    /// The byte stream.
    type Io: rt::Read + rt::Write + Unpin + Send + 'static;

    /// What tells one listener from another.
    type Key: Clone + Eq + Hash + Send + Sync + fmt::Debug + 'static;

    /// The listener that the agent is reached at. Agents with equal keys share the [`ConnectionLimits`] of connections, as a
    /// server and a client do that run in one process. A connection is never shared by two agents, whatever the key
    /// says: it is used again only for the agent that it was opened for.
    fn key(&self, agent: &Agent) -> Self::Key;

    /// Opens one.
    fn connect(&self, agent: &Agent) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

/// Why there is no connection to an agent. Nothing of the request was sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The agent refused, or there is no way to it.
    #[error("connect: {0}")]
    Refused(#[source] io::Error),
    /// The agent's machine did not react.
    #[error("connect: no reaction within {0:?}")]
    Timeout(Duration),
    /// A stream was opened, but HTTP could not be begun on it.
    #[error("connect: cannot speak HTTP: {0}")]
    Handshake(#[source] hyper::Error),
    /// The agent has as many connections of ours as it may, and so many requests wait for one that no more may.
    #[error("{waiting} requests wait for a connection to this agent already")]
    QueueFull {
        /// How many wait.
        waiting: usize,
    },
    /// The agent has as many connections of ours as it may for requests of this kind. Said where nobody waits: another
    /// agent may do, or only streams could make room.
    #[error("all {places} connections that calls of this kind may have to this agent are in use")]
    LimitReached {
        /// How many they are.
        places: usize,
    },
    /// The agent has as many connections of ours as it may, and none came free in time.
    #[error("no connection to this agent came free within {0:?}")]
    QueueTimeout(Duration),
}

impl ConnectError {
    /// Whether nobody waited for a place, and there was none.
    pub(crate) const fn is_limit_reached(&self) -> bool {
        matches!(self, Self::LimitReached { .. })
    }

    /// Whether there is no way to the agent. Otherwise there is one, and it is taken.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Timeout(_) | Self::Handshake(_) => true,
            Self::QueueFull { .. } | Self::LimitReached { .. } | Self::QueueTimeout(_) => false,
        }
    }
}
