//! Plain TCP.

use std::io;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Connect;
use crate::{Agent, Transport};

/// Connects to an agent's address over TCP.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpConnect;

impl Connect for TcpConnect {
    type Io = TokioIo<TcpStream>;

    async fn connect(&self, agent: &Agent) -> io::Result<Self::Io> {
        if agent.transport() == Transport::Tls {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "the agent speaks HTTPS only"));
        }
        let stream = TcpStream::connect(agent.address()).await?;
        // A frame is worth more early than bundled with the next one.
        stream.set_nodelay(true)?;
        Ok(TokioIo::new(stream))
    }
}
