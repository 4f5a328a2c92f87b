//! Plain TCP.

use std::io;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Connect;
use crate::{Agent, Endpoint, Transport};

/// Connects over TCP to agents that are known by an IP address or a host name.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpConnect;

/// What tells one TCP listener from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TcpKey {
    endpoint: Endpoint,
    transport: Transport,
}

impl TcpKey {
    /// The listener of this agent.
    #[must_use]
    pub fn of(agent: &Agent) -> Self {
        Self { endpoint: agent.endpoint().clone(), transport: agent.transport() }
    }
}

impl TcpConnect {
    /// Opens a TCP connection to an endpoint. Whoever speaks TLS on it begins here too.
    ///
    /// # Errors
    /// The error of the system, and [`io::ErrorKind::Unsupported`] for a unix socket.
    pub async fn open(endpoint: &Endpoint) -> io::Result<TcpStream> {
        let stream = match endpoint {
            Endpoint::Socket(address) => TcpStream::connect(address).await?,
            Endpoint::Host { name, port } => TcpStream::connect((&**name, *port)).await?,
            Endpoint::Unix(_) => {
                let text = "the agent listens at a unix socket only";
                return Err(io::Error::new(io::ErrorKind::Unsupported, text));
            }
        };
        // A frame is worth more early than bundled with the next one.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl Connect for TcpConnect {
    type Io = TokioIo<TcpStream>;
    type Key = TcpKey;

    fn key(&self, agent: &Agent) -> TcpKey {
        TcpKey::of(agent)
    }

    async fn connect(&self, agent: &Agent) -> io::Result<Self::Io> {
        if agent.transport() == Transport::Tls {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "the agent speaks HTTPS only"));
        }
        Self::open(agent.endpoint()).await.map(TokioIo::new)
    }
}
