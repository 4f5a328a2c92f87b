//! A client's view of the servers: it polls one of them, once a second.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{task::JoinHandle, time::sleep};
use tracing::{info, instrument::WithSubscriber as _, warn};

use super::{
    BoxFuture, JoinOutcome, Member, Membership, MembershipError, Removal, ServerList,
    address::{RPC_PORT, resolve},
    peer,
};

/// How often a server is polled: its death is noticed within two intervals, and one small request costs nothing.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The membership of an agent that is only a client: the view of the first server that responds.
///
/// When none responds the view is empty, but the addresses are remembered and polled again.
#[derive(Debug)]
pub struct RemoteMembership {
    shared: Arc<Shared>,
    poll_task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    configured: Vec<String>,
    server_list: ServerList,
    view: RwLock<ServerView>,
}

#[derive(Debug, Default)]
struct ServerView {
    members: Vec<Member>,
    /// Servers that were alive at the last poll.
    known: Vec<SocketAddr>,
}

impl RemoteMembership {
    /// Polls the servers at these RPC addresses until it is dropped. Returns after the first round, whether or not
    /// a server responded.
    pub async fn start(servers: Vec<String>) -> Self {
        let shared = Arc::new(Shared {
            configured: servers,
            server_list: ServerList::new(),
            view: RwLock::default(),
        });
        shared.poll().await;
        let asking = tokio::spawn(Arc::clone(&shared).poll_forever().with_current_subscriber());
        Self { shared, poll_task: asking }
    }
}

impl Drop for RemoteMembership {
    fn drop(&mut self) {
        self.poll_task.abort();
    }
}

impl Shared {
    async fn poll_forever(self: Arc<Self>) {
        let mut chosen = self.server_list.subscribe();
        loop {
            tokio::select! {
                () = sleep(POLL_INTERVAL) => {}
                // The list lives as long as `self`.
                _ = chosen.changed() => {}
            }
            self.poll().await;
        }
    }

    /// One round: takes the view of the first server that responds.
    async fn poll(&self) {
        for address in self.candidates().await {
            if let Ok(answer) = peer::fetch_members(address).await {
                self.apply(peer::members_from_wire(&answer));
                return;
            }
        }
        let lost = {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            !std::mem::take(&mut view.members).is_empty()
        };
        if lost {
            warn!(target: "client", "no server responds");
        }
    }

    fn apply(&self, members: Vec<Member>) {
        let alive: Vec<_> =
            members.iter().filter(|member| member.is_alive()).map(|member| member.rpc).collect();
        let news = {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            let news = view.known != alive || view.members.is_empty();
            *view = ServerView { members, known: alive.clone() };
            news
        };
        if news {
            let servers: Vec<_> = alive.iter().map(ToString::to_string).collect();
            info!(target: "client", servers = servers.join(","), "known servers");
        }
    }

    /// The servers to poll: the chosen ones; otherwise those alive at the last poll, then the configured ones.
    async fn candidates(&self) -> Vec<SocketAddr> {
        if let Some(chosen) = self.server_list.chosen() {
            return chosen;
        }
        let mut candidates = self.view.read().unwrap_or_else(PoisonError::into_inner).known.clone();
        candidates.extend(self.resolve_configured().await);
        let mut seen = BTreeSet::new();
        candidates.retain(|address| seen.insert(*address));
        candidates
    }

    async fn resolve_configured(&self) -> Vec<SocketAddr> {
        let mut found = Vec::new();
        for written in &self.configured {
            found.extend(resolve(written, RPC_PORT).await.ok());
        }
        found
    }
}

impl Membership for RemoteMembership {
    fn members(&self) -> Vec<Member> {
        self.shared.view.read().unwrap_or_else(PoisonError::into_inner).members.clone()
    }

    fn server_list(&self) -> &ServerList {
        &self.shared.server_list
    }

    fn servers(&self) -> Vec<String> {
        let known = || {
            let view = self.shared.view.read().unwrap_or_else(PoisonError::into_inner);
            view.known.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let chosen = self.shared.server_list.chosen();
        let servers =
            chosen.map_or_else(known, |chosen| chosen.iter().map(ToString::to_string).collect());
        if servers.is_empty() { self.shared.configured.clone() } else { servers }
    }

    fn join<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, JoinOutcome> {
        let fault =
            |address: &String| format!("failed to join {address}: a client does not gossip");
        let faults: Vec<_> = addresses.iter().map(fault).collect();
        Box::pin(std::future::ready(JoinOutcome::new(0, &faults)))
    }

    fn force_leave<'a>(
        &'a self,
        _: &'a str,
        _: Removal,
    ) -> BoxFuture<'a, Result<(), MembershipError>> {
        Box::pin(std::future::ready(Err(MembershipError::NotRunning)))
    }
}
