//! Who is asked: a connection to the agent, or to whoever can answer in its stead.

use std::sync::Arc;

use bytes::Bytes;
use nomad_wire::call::CallClass;

use super::{Forward, ForwardError};
use crate::{
    Agent,
    connect::{Connect, ConnectError, Connection, Lease},
    directory::{Directory, Reachable},
    outgoing::Outgoing,
    resolve::{Detour, Path},
};

/// Who could not be reached, and why.
pub(super) type Failed = (Arc<Agent>, ConnectError);

/// The agent instead of which another one may be asked.
pub(super) fn gone(error: &ForwardError, class: CallClass, path: Path) -> Option<&Arc<Agent>> {
    match error {
        ForwardError::Lost { agent, .. } => Some(agent),
        // A server would wait for the same silent agent, and a wait that is over is over for everybody.
        ForwardError::Silent { agent, .. } => {
            Some(agent).filter(|_| path != Path::Direct && class == CallClass::Read)
        }
        ForwardError::Connect { .. }
        | ForwardError::Reopen { .. }
        | ForwardError::Dead { .. }
        | ForwardError::Upload { .. }
        | ForwardError::Switched { .. } => None,
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
    pub(super) fn elsewhere(
        &self,
        gone: &Agent,
        others: Vec<Arc<Agent>>,
        path: Path,
        detour: Detour,
    ) -> Vec<Arc<Agent>> {
        let mut servers = match (path, detour) {
            (Path::Direct, Detour::Servers) => self.directory.relays(gone),
            (Path::Direct, Detour::None) => Vec::new(),
            (Path::Relay | Path::Pass, _) => others,
        };
        servers.retain(|server| !server.is_same(gone));
        servers
    }

    /// A connection when there was none at once: in its turn, or to a server that passes the call on. The servers come
    /// with it then.
    ///
    /// A call that ends soon waits for its turn first, since servers have more to do than pass calls on; a stream asks
    /// them first, since nobody knows when another one ends.
    pub(super) async fn reach_around(
        &self,
        (agent, mut source): Failed,
        detour: Detour,
        lease: Lease,
    ) -> Result<(Connection<Outgoing<B>>, Option<Vec<Arc<Agent>>>), Failed> {
        let waits_first = source.is_full() && lease == Lease::Short;
        if waits_first {
            source = match self.reach(&agent, lease).await {
                Ok(reached) => return Ok((reached, None)),
                Err(error) => error,
            };
        }
        let servers = match detour {
            Detour::Servers => self.directory.relays(&agent),
            Detour::None => Vec::new(),
        };
        if let Some((first, others)) = servers.split_first()
            && let Ok(reached) = self.reach_any(Arc::clone(first), others, lease).await
        {
            return Ok((reached, Some(servers)));
        }
        if source.is_full() && !waits_first {
            source = match self.reach(&agent, lease).await {
                Ok(reached) => return Ok((reached, None)),
                Err(error) => error,
            };
        }
        Err((agent, source))
    }

    /// A connection to one of these servers, at once or in its turn.
    pub(super) async fn reach_first(
        &self,
        servers: &[Arc<Agent>],
        lease: Lease,
    ) -> Option<Connection<Outgoing<B>>> {
        let (first, others) = servers.split_first()?;
        match self.reach_any(Arc::clone(first), others, lease).await {
            Ok(reached) => Some(reached),
            Err((agent, error)) if error.is_full() => self.reach(&agent, lease).await.ok(),
            Err(_) => None,
        }
    }

    /// A connection to the agent, or else to one of the others, without waiting for a place. Of those that failed the
    /// first without a place counts, since it can be waited for, and the last one otherwise.
    pub(super) async fn reach_any(
        &self,
        agent: Arc<Agent>,
        others: &[Arc<Agent>],
        lease: Lease,
    ) -> Result<Connection<Outgoing<B>>, Failed> {
        let mut failed = match self.reach_now(&agent, lease).await {
            Ok(connection) => return Ok(connection),
            Err(error) => (agent, error),
        };
        for other in others {
            match self.reach_now(other, lease).await {
                Ok(connection) => return Ok(connection),
                Err(error) if !failed.1.is_full() => failed = (Arc::clone(other), error),
                Err(_) => {}
            }
        }
        Err(failed)
    }

    /// A connection to the agent, when it has a place now.
    async fn reach_now(
        &self,
        agent: &Arc<Agent>,
        lease: Lease,
    ) -> Result<Connection<Outgoing<B>>, ConnectError> {
        let taken = self.pool.take_now(agent, lease).await;
        self.observe(agent, taken.as_ref().err());
        taken
    }

    /// A connection to the agent, in its turn.
    async fn reach(
        &self,
        agent: &Arc<Agent>,
        lease: Lease,
    ) -> Result<Connection<Outgoing<B>>, ConnectError> {
        let taken = self.pool.take(agent, lease).await;
        self.observe(agent, taken.as_ref().err());
        taken
    }

    pub(super) fn observe(&self, agent: &Arc<Agent>, error: Option<&ConnectError>) {
        match error {
            None => self.directory.observe(agent, Reachable::Yes),
            Some(error) if error.is_unreachable() => {
                self.directory.observe(agent, Reachable::No);
            }
            // A crowd at an agent says that it can be reached.
            Some(_) => {}
        }
    }
}
