//! What a client knows of the servers: it asks one of them, once a second.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{task::JoinHandle, time::sleep};
use tracing::{info, instrument::WithSubscriber as _, warn};

use super::{
    Joined, Member, Membership, MembershipError, Pending, Removal, ServerList,
    address::{RPC_PORT, resolved},
    peer,
};

/// How often a server is asked: its death is noticed within two of these, and one small request costs nothing.
const BEAT: Duration = Duration::from_secs(1);

/// The membership of an agent that is a client only: the view of the first server that answers.
///
/// When none answers, nobody is known to be there, but the addresses are kept and asked again.
#[derive(Debug)]
pub struct Remote {
    shared: Arc<Shared>,
    asking: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    configured: Vec<String>,
    list: ServerList,
    view: RwLock<View>,
}

#[derive(Debug, Default)]
struct View {
    members: Vec<Member>,
    /// Servers that were alive when one was last asked.
    known: Vec<SocketAddr>,
}

impl Remote {
    /// Asks the servers at these RPC addresses, and goes on asking until it is dropped. It returns after the first
    /// round, whether one answered or not.
    pub async fn start(servers: Vec<String>) -> Self {
        let shared = Arc::new(Shared {
            configured: servers,
            list: ServerList::new(),
            view: RwLock::default(),
        });
        shared.beat().await;
        let asking = tokio::spawn(Arc::clone(&shared).ask_for_ever().with_current_subscriber());
        Self { shared, asking }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

impl Shared {
    async fn ask_for_ever(self: Arc<Self>) {
        let mut chosen = self.list.changes();
        loop {
            tokio::select! {
                () = sleep(BEAT) => {}
                // The list lives as long as this does.
                _ = chosen.changed() => {}
            }
            self.beat().await;
        }
    }

    /// One round: the first server that answers says who is there.
    async fn beat(&self) {
        for address in self.candidates().await {
            if let Ok(answer) = peer::ask(address).await {
                self.take_over(peer::servers(&answer));
                return;
            }
        }
        let lost = {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            !std::mem::take(&mut view.members).is_empty()
        };
        if lost {
            warn!(target: "client", "no server answers");
        }
    }

    fn take_over(&self, members: Vec<Member>) {
        let alive: Vec<_> =
            members.iter().filter(|member| member.is_alive()).map(|member| member.rpc).collect();
        let news = {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            let news = view.known != alive || view.members.is_empty();
            *view = View { members, known: alive.clone() };
            news
        };
        if news {
            let servers: Vec<_> = alive.iter().map(ToString::to_string).collect();
            info!(target: "client", servers = servers.join(","), "known servers");
        }
    }

    /// Whom to ask: who was chosen; otherwise who was there the last time, and who was configured.
    async fn candidates(&self) -> Vec<SocketAddr> {
        if let Some(chosen) = self.list.chosen() {
            return chosen;
        }
        let mut candidates = self.view.read().unwrap_or_else(PoisonError::into_inner).known.clone();
        candidates.extend(self.configured().await);
        let mut seen = BTreeSet::new();
        candidates.retain(|address| seen.insert(*address));
        candidates
    }

    async fn configured(&self) -> Vec<SocketAddr> {
        let mut found = Vec::new();
        for written in &self.configured {
            found.extend(resolved(written, RPC_PORT).await.ok());
        }
        found
    }
}

impl Membership for Remote {
    fn members(&self) -> Vec<Member> {
        self.shared.view.read().unwrap_or_else(PoisonError::into_inner).members.clone()
    }

    fn server_list(&self) -> &ServerList {
        &self.shared.list
    }

    fn servers(&self) -> Vec<String> {
        let known = || {
            let view = self.shared.view.read().unwrap_or_else(PoisonError::into_inner);
            view.known.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let chosen = self.shared.list.chosen();
        let servers =
            chosen.map_or_else(known, |chosen| chosen.iter().map(ToString::to_string).collect());
        if servers.is_empty() { self.shared.configured.clone() } else { servers }
    }

    fn join<'a>(&'a self, addresses: &'a [String]) -> Pending<'a, Joined> {
        let fault =
            |address: &String| format!("failed to join {address}: a client does not gossip");
        let faults: Vec<_> = addresses.iter().map(fault).collect();
        Box::pin(std::future::ready(Joined::of(0, &faults)))
    }

    fn force_leave<'a>(
        &'a self,
        _: &'a str,
        _: Removal,
    ) -> Pending<'a, Result<(), MembershipError>> {
        Box::pin(std::future::ready(Err(MembershipError::NotRunning)))
    }
}
