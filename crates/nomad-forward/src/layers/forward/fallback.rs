//! Connects to the agent, or to one of its fallbacks.

use std::sync::Arc;

use bytes::Bytes;
use nomad_wire::call::CallClass;

use super::{Forward, ForwardError};
use crate::{
    Agent,
    connect::{Connect, ConnectError, Connection, Lease},
    directory::{Directory, Reachability},
    layers::{
        select::{Path, RelayFallback},
        upstream_body::UpstreamBody,
    },
};

/// Who could not be reached, and why.
pub(super) type ConnectFailure = (Arc<Agent>, ConnectError);

/// The agent instead of which another one may be asked.
pub(super) fn gone(error: &ForwardError, class: CallClass, path: Path) -> Option<&Arc<Agent>> {
    match error {
        ForwardError::Lost { agent, .. } => Some(agent),
        // A server would wait for the same silent agent, and a wait that is over is over for everybody.
        ForwardError::ResponseTimeout { agent, .. } => {
            Some(agent).filter(|_| path != Path::Direct && class == CallClass::Read)
        }
        ForwardError::Connect { .. }
        | ForwardError::Reopen { .. }
        | ForwardError::HealthCheckFailed { .. }
        | ForwardError::Upload { .. }
        | ForwardError::UnexpectedUpgrade { .. } => None,
    }
}

impl<C, D, B> Forward<C, D, B>
where
    C: Connect,
    D: Directory + Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Who else can answer what this agent cannot: the other servers, or for an agent that was named the servers that
    /// pass calls on to it.
    pub(super) fn fallbacks(
        &self,
        gone: &Agent,
        others: Vec<Arc<Agent>>,
        path: Path,
        detour: RelayFallback,
    ) -> Vec<Arc<Agent>> {
        let mut servers = match (path, detour) {
            (Path::Direct, RelayFallback::Servers) => self.directory.relays(gone),
            (Path::Direct, RelayFallback::None) => Vec::new(),
            (Path::Relay | Path::Pass, _) => others,
        };
        servers.retain(|server| !server.is_same(gone));
        servers
    }

    /// A connection to the agent or one of its fallbacks; else in turn, or to a server that relays the call. The servers
    /// come with it then.
    pub(super) async fn connect_or_relay(
        &self,
        agent: Arc<Agent>,
        fallbacks: &[Arc<Agent>],
        relay_fallback: RelayFallback,
        lease: Lease,
    ) -> Result<(Connection<UpstreamBody<B>>, Option<Vec<Arc<Agent>>>), ConnectFailure> {
        match self.connect_to_any(agent, fallbacks, lease).await {
            Ok(connection) => Ok((connection, None)),
            Err(failed) => self.connect_with_fallback(failed, relay_fallback, lease).await,
        }
    }

    /// A connection when there was none at once: in its turn, or to a server that passes the call on. The servers come
    /// with it then.
    ///
    /// A call that ends soon waits for its turn first, since servers have more to do than pass calls on; a stream asks
    /// them first, since nobody knows when another one ends.
    async fn connect_with_fallback(
        &self,
        (agent, mut source): ConnectFailure,
        detour: RelayFallback,
        lease: Lease,
    ) -> Result<(Connection<UpstreamBody<B>>, Option<Vec<Arc<Agent>>>), ConnectFailure> {
        let waits_first = source.is_limit_reached() && lease == Lease::Short;
        if waits_first {
            source = match self.connect(&agent, lease).await {
                Ok(reached) => return Ok((reached, None)),
                Err(error) => error,
            };
        }
        let servers = match detour {
            RelayFallback::Servers => self.directory.relays(&agent),
            RelayFallback::None => Vec::new(),
        };
        if let Some((first, others)) = servers.split_first()
            && let Ok(reached) = self.connect_to_any(Arc::clone(first), others, lease).await
        {
            return Ok((reached, Some(servers)));
        }
        if source.is_limit_reached() && !waits_first {
            source = match self.connect(&agent, lease).await {
                Ok(reached) => return Ok((reached, None)),
                Err(error) => error,
            };
        }
        Err((agent, source))
    }

    /// A connection to one of these servers, at once or in its turn.
    pub(super) async fn connect_to_first(
        &self,
        servers: &[Arc<Agent>],
        lease: Lease,
    ) -> Option<Connection<UpstreamBody<B>>> {
        let (first, others) = servers.split_first()?;
        match self.connect_to_any(Arc::clone(first), others, lease).await {
            Ok(reached) => Some(reached),
            Err((agent, error)) if error.is_limit_reached() => {
                self.connect(&agent, lease).await.ok()
            }
            Err(_) => None,
        }
    }

    /// A connection to the agent, or else to one of the others, without waiting for a place. Of those that failed the
    /// first without a place counts, since it can be waited for, and the last one otherwise.
    async fn connect_to_any(
        &self,
        agent: Arc<Agent>,
        others: &[Arc<Agent>],
        lease: Lease,
    ) -> Result<Connection<UpstreamBody<B>>, ConnectFailure> {
        let mut failed = match self.try_connect(&agent, lease).await {
            Ok(connection) => return Ok(connection),
            Err(error) => (agent, error),
        };
        for other in others {
            match self.try_connect(other, lease).await {
                Ok(connection) => return Ok(connection),
                Err(error) if !failed.1.is_limit_reached() => failed = (Arc::clone(other), error),
                Err(_) => {}
            }
        }
        Err(failed)
    }

    /// A connection to the agent, when it has a place now.
    async fn try_connect(
        &self,
        agent: &Arc<Agent>,
        lease: Lease,
    ) -> Result<Connection<UpstreamBody<B>>, ConnectError> {
        let taken = self.pool.try_checkout(agent, lease).await;
        self.observe(agent, taken.as_ref().err());
        taken
    }

    /// A connection to the agent, in its turn.
    async fn connect(
        &self,
        agent: &Arc<Agent>,
        lease: Lease,
    ) -> Result<Connection<UpstreamBody<B>>, ConnectError> {
        let taken = self.pool.checkout(agent, lease).await;
        self.observe(agent, taken.as_ref().err());
        taken
    }

    pub(super) fn observe(&self, agent: &Arc<Agent>, error: Option<&ConnectError>) {
        match error {
            None => self.directory.observe(agent, Reachability::Reachable),
            Some(error) if error.is_unreachable() => {
                self.directory.observe(agent, Reachability::Unreachable);
            }
            // A crowd at an agent says that it can be reached.
            Some(_) => {}
        }
    }
}
