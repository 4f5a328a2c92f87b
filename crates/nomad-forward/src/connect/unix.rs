//! Unix sockets.

use std::{io, path::Path, sync::Arc};

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::Connect;
use crate::{Agent, Endpoint};

/// Connects to agents that listen at unix sockets.
#[derive(Debug, Clone, Copy, Default)]
pub struct UnixConnect;

impl Connect for UnixConnect {
    type Io = TokioIo<UnixStream>;
    type Key = Option<Arc<Path>>;

    fn key(&self, agent: &Agent) -> Self::Key {
        socket_path(agent.endpoint()).map(Arc::clone)
    }

    async fn connect(&self, agent: &Agent) -> io::Result<Self::Io> {
        let path = socket_path(agent.endpoint()).ok_or_else(|| {
            io::Error::new(io::ErrorKind::Unsupported, "the agent listens at no unix socket")
        })?;
        UnixStream::connect(path).await.map(TokioIo::new)
    }
}

const fn socket_path(endpoint: &Endpoint) -> Option<&Arc<Path>> {
    match endpoint {
        Endpoint::Unix(path) => Some(path),
        Endpoint::Socket(_) | Endpoint::Host { .. } => None,
    }
}
