//! The servers chosen for a client.

use std::{
    net::SocketAddr,
    sync::{PoisonError, RwLock},
};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{
    address::{RPC_PORT, multi_error, resolve},
    peer,
};

/// The servers chosen for a client with `PUT /v1/agent/servers`.
///
/// A choice stays until the next one: servers that come and go do not change it, and a choice in which no server
/// responds is refused.
#[derive(Debug, Default)]
pub struct ServerList {
    chosen: RwLock<Option<Vec<SocketAddr>>>,
    changed: watch::Sender<()>,
}

/// No server responds at any of the addresses; the text names each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoServerReachable(Box<str>);

impl ServerList {
    /// An empty list: nothing is chosen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The chosen servers.
    #[must_use]
    pub fn chosen(&self) -> Option<Vec<SocketAddr>> {
        self.chosen.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Pings every address, all at once, and chooses those at which a server responds. The default port is 4647.
    ///
    /// # Errors
    /// [`NoServerReachable`] when none responds; then nothing is changed.
    pub async fn choose(&self, addresses: Vec<String>) -> Result<(), NoServerReachable> {
        let mut pings = JoinSet::new();
        for (index, written) in addresses.into_iter().enumerate() {
            pings.spawn(async move { (index, ping(&written).await) });
        }
        let mut outcomes = pings.join_all().await;
        outcomes.sort_unstable_by_key(|(index, _)| *index);
        let (mut alive, mut faults) = (Vec::new(), Vec::new());
        for (_, outcome) in outcomes {
            match outcome {
                Ok(address) => alive.push(address),
                Err(fault) => faults.push(fault),
            }
        }
        if alive.is_empty() {
            return Err(NoServerReachable(multi_error(&faults).into()));
        }
        alive.dedup();
        *self.chosen.write().unwrap_or_else(PoisonError::into_inner) = Some(alive);
        self.changed.send_replace(());
        Ok(())
    }

    /// Notified of each choice.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}

/// Nomad pings by RPC; here a server must serve its peers at that address.
async fn ping(written: &str) -> Result<SocketAddr, String> {
    let failed = |error: String| format!("Server at address {written} failed ping: {error}");
    let address = resolve(written, RPC_PORT).await.map_err(|error| failed(error.to_string()))?;
    match peer::fetch_members(address).await {
        Ok(_) => Ok(address),
        Err(error) => Err(failed(error.with_causes())),
    }
}
