//! Plain TCP.

use std::{io, time::Duration};

use hyper_util::rt::TokioIo;
use rustix::net::sockopt;
use tokio::net::TcpStream;

use super::Connect;
use crate::{Agent, Endpoint, Transport};

/// An agent's machine that is silent for so long is asked by TCP whether it is there, and again every time after, as Go's
/// servers do. A call that has no other limit ends then when the machine is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// So many unanswered questions end a connection. Linux and Go ask nine times; a minute is enough here, since agents are
/// near.
const KEEP_ALIVE_TRIES: u32 = 4;

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
        keep_alive(&stream)?;
        Ok(stream)
    }
}

fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEP_ALIVE)?;
    sockopt::set_tcp_keepintvl(stream, KEEP_ALIVE)?;
    Ok(sockopt::set_tcp_keepcnt(stream, KEEP_ALIVE_TRIES)?)
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

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_machine_that_is_gone_is_noticed() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let stream = TcpConnect::open(&listener.local_addr().unwrap().into()).await.unwrap();
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), KEEP_ALIVE);
        assert_eq!(sockopt::tcp_keepintvl(&stream).unwrap(), KEEP_ALIVE);
        assert_eq!(sockopt::tcp_keepcnt(&stream).unwrap(), KEEP_ALIVE_TRIES);
    }
}
