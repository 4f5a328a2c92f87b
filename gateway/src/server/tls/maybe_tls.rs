//! Connects to agents of which some speak TLS.

use std::io;

use hyper_util::rt::TokioIo;
use nomad_forward::{
    Agent, TcpConnect, Transport,
    connect::{Connect, TcpKey},
};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::TlsConnect;

/// Connects to each agent in the way that its listener wants.
#[derive(Debug, Clone, Default)]
pub struct MaybeTlsConnect {
    tls: Option<TlsConnect>,
}

impl MaybeTlsConnect {
    /// Over TLS to agents that want it, with this; without it they cannot be reached.
    #[must_use]
    pub const fn new(tls: Option<TlsConnect>) -> Self {
        Self { tls }
    }
}

impl Connect for MaybeTlsConnect {
    type Io = TokioIo<Either<TcpStream, TlsStream<TcpStream>>>;
    type Key = TcpKey;

    fn key(&self, agent: &Agent) -> TcpKey {
        TcpKey::from_agent(agent)
    }

    async fn connect(&self, agent: &Agent) -> io::Result<Self::Io> {
        let io = match (agent.transport(), &self.tls) {
            (Transport::Plain, _) => Either::Left(TcpConnect.connect(agent).await?.into_inner()),
            (Transport::Tls, Some(tls)) => Either::Right(tls.connect(agent).await?.into_inner()),
            (Transport::Tls, None) => {
                let text =
                    "the agent speaks HTTPS only; say who signs its certificate in nomad.tls";
                return Err(io::Error::new(io::ErrorKind::Unsupported, text));
            }
        };
        Ok(TokioIo::new(io))
    }
}
