//! Connections to agents: made, kept, and taken again.

mod pool;
mod tcp;

use std::{io, time::Duration};

use hyper::rt;
use thiserror::Error;

pub use self::{
    pool::{Connection, Pool},
    tcp::TcpConnect,
};
use crate::Agent;

/// Whoever can open a byte stream to an agent.
pub trait Connect: Clone + Send + Sync + 'static {
    /// The byte stream.
    type Io: rt::Read + rt::Write + Unpin + Send + 'static;

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
}
