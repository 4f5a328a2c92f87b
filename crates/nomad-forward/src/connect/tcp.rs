//! Plain TCP.

use std::{io, time::Duration};

use hyper_util::rt::TokioIo;
use rustix::net::sockopt;
use tokio::net::TcpStream;

use super::Connect;
use crate::{Agent, Endpoint, Transport};

/// An agent's machine that is silent for so long is asked by TCP whether it is there, and again every time after, as Go's
/// servers do. A call that has no other limit ends then when the machine is gone.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// So many unanswered questions end a connection. Linux and Go ask nine times; a minute is enough here, since agents are
/// near.
const KEEPALIVE_PROBES: u32 = 4;

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
    pub fn from_agent(agent: &Agent) -> Self {
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
        enable_keepalive(&stream)?;
        Ok(stream)
    }
}

fn enable_keepalive(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    Ok(sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)?)
}

impl Connect for TcpConnect {
    type Io = TokioIo<TcpStream>;
    type Key = TcpKey;

    fn key(&self, agent: &Agent) -> TcpKey {
        TcpKey::from_agent(agent)
    }

    async fn connect(&self, agent: &Agent) -> io::Result<Self::Io> {
        if agent.transport() == Transport::Tls {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "the agent speaks HTTPS only"));
        }
        Self::open(agent.endpoint()).await.map(TokioIo::new)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_machine_that_is_gone_is_noticed() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let stream = TcpConnect::open(&listener.local_addr().unwrap().into()).await.unwrap();
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), KEEPALIVE_INTERVAL);
        assert_eq!(sockopt::tcp_keepintvl(&stream).unwrap(), KEEPALIVE_INTERVAL);
        assert_eq!(sockopt::tcp_keepcnt(&stream).unwrap(), KEEPALIVE_PROBES);
    }
}
