//! A fleet that is discovered and watched through Nomad's API.
//!
//! ```text
//!  servers      members, leader          every few seconds     one background task, Watch::run
//!  nodes        the list                 blocking query        the same task
//!  a node       its HTTP address         when it is first asked for; forgotten when the list says it changed
//!  allocations  node and namespace       when first asked for; they never change
//! ```
//!
//! What the gateway's own token may not read is asked in the caller's name; what neither may read is not known, and
//! the call goes to a server, which knows it and decides about it.

mod agent_health;
mod api_request;
mod body;
mod cached_lookup;
mod catalog;
mod client_lookup;
mod clients;
mod directory_cache;
mod discovery_status;
mod look_up;
mod node_index;
mod nodes;
mod options;
mod resolver;
mod servers;
mod verify;
mod watcher;

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock, atomic::AtomicBool},
    task::{Context, Poll},
    time::Duration,
};

use nomad_wire::Region;
use tokio::sync::{Mutex, Notify};

use self::{
    api_request::LookupTokens, cached_lookup::CachedLookup, directory_cache::DirectoryCache,
    discovery_status::LastDiscoveryStatus, node_index::NodeIndex, servers::Servers,
};
pub use self::{
    catalog::Consul,
    options::NomadOptions,
    resolver::{AddressesFuture, Host, Resolver, SystemResolver},
    watcher::Watcher,
};
use super::{
    AgentHealth, Directory, DirectoryError, DiscoveryStatus, Location, LookupContext, Reachability,
};
use crate::{Agent, NomadApi, Target, connect::Connect};

/// For so long an address is believed while nobody tells us of changes, because the list of nodes may not be read.
const UNWATCHED_TTL: Duration = Duration::from_secs(30);

/// What a directory knows of the region that a caller names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is known, or it is not, or nobody can tell")]
pub enum RegionStatus {
    /// It is the own one, or none is named.
    Own,
    /// Another one, which has live servers.
    Other,
    /// There is no such region.
    NotFound,
    /// There may be one: the servers of other regions may not be read.
    Unknown,
}

/// A directory of the servers, nodes and allocations of a Nomad cluster. Clones are one directory.
pub struct NomadDirectory<C: Connect> {
    shared: Arc<Shared<C>>,
}

struct Shared<C: Connect> {
    api: NomadApi<C>,
    options: NomadOptions,
    /// The addresses that it began with.
    seeds: Arc<[Arc<Agent>]>,
    /// Where agents are now whose names led somewhere else at first.
    current_addresses: RwLock<HashMap<SocketAddr, SocketAddr>>,
    servers: RwLock<Arc<Servers>>,
    nodes: RwLock<Arc<NodeIndex>>,
    /// Whether the list of nodes tells of changes.
    is_watched: AtomicBool,
    cache: DirectoryCache,
    /// Something about the servers seems to have changed.
    servers_changed: Notify,
    /// What the servers say to the gateway's own token.
    discovery_status: LastDiscoveryStatus,
    /// Whose turn it is to find out what a caller's token tells of the servers.
    client_lookup: Mutex<()>,
}

impl<C: Connect> NomadDirectory<C> {
    /// The directory, and the task that keeps it fresh, to be run by whoever owns it. Nothing is asked before it runs.
    pub fn new(api: NomadApi<C>, options: NomadOptions) -> (Self, Watcher<C>) {
        let seeds = api.servers();
        let region = options.region.clone().unwrap_or_default();
        let servers = Servers::from_seeds(region, &seeds);
        let shared = Arc::new(Shared {
            api,
            seeds,
            current_addresses: RwLock::default(),
            servers: RwLock::new(Arc::new(servers)),
            nodes: RwLock::default(),
            is_watched: AtomicBool::new(false),
            cache: DirectoryCache::new(&options.nodes),
            servers_changed: Notify::new(),
            discovery_status: LastDiscoveryStatus::default(),
            client_lookup: Mutex::new(()),
            options,
        });
        (Self { shared: Arc::clone(&shared) }, Watcher::new(shared))
    }

    /// How many nodes are known.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.shared.nodes().len()
    }

    /// What is known of the region that a caller names.
    #[must_use]
    pub fn region_status(&self, region: Option<&Region>) -> RegionStatus {
        let servers = self.shared.servers();
        match region {
            None => RegionStatus::Own,
            Some(region) if *region == servers.region => RegionStatus::Own,
            Some(_) if servers.members.is_none() => RegionStatus::Unknown,
            Some(region) if servers.in_region(region).next().is_some() => RegionStatus::Other,
            Some(_) => RegionStatus::NotFound,
        }
    }

    /// The servers that are found, each with a verified HTTP address.
    #[must_use]
    pub fn servers(&self) -> Vec<Arc<Agent>> {
        self.shared.servers().verified_agents().map(Arc::clone).collect()
    }
}

impl<C: Connect> Shared<C> {
    fn servers(&self) -> Arc<Servers> {
        Arc::clone(&self.servers.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn nodes(&self) -> Arc<NodeIndex> {
        Arc::clone(&self.nodes.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// There is no way to this agent: what may have changed about it is found out again.
    fn forget_unreachable(&self, agent: &Agent) {
        match agent.id() {
            crate::AgentId::Client(id) => {
                let known = self.cache.node(agent.region(), &id);
                if known.is_some_and(|known| known.has_host_name) {
                    self.cache.forget_node(agent.region(), &id);
                }
            }
            crate::AgentId::Server(_) | crate::AgentId::Seed => self.servers_changed.notify_one(),
        }
    }
}

impl<C: Connect> Directory for NomadDirectory<C> {
    type Future = LocateFuture;

    fn locate(
        &self,
        target: &Target,
        region: Option<&Region>,
        caller: LookupContext<'_>,
    ) -> Self::Future {
        let spelling = caller.name_match();
        match self.shared.find_cached(target, region, spelling) {
            CachedLookup::Found(found) => LocateFuture(LookupState::Cached(Some(found))),
            CachedLookup::NotCached => {
                let shared = Arc::clone(&self.shared);
                let who =
                    LookupTokens { gateway: shared.options.token.clone(), client: caller.token() };
                let who = shared.discovery_status.usable_tokens(who);
                let (target, region) = (target.clone(), region.cloned());
                LocateFuture(LookupState::LookingUp(Box::pin(async move {
                    shared.look_up(&target, region.as_ref(), spelling, &who).await
                })))
            }
        }
    }

    fn observe(&self, agent: &Arc<Agent>, reachable: Reachability) {
        self.shared.api.health().observe(agent, reachable);
        if reachable == Reachability::Unreachable {
            self.shared.forget_unreachable(agent);
        }
    }

    fn agent_health(&self) -> Vec<AgentHealth> {
        self.shared.all_health()
    }

    fn discovery_status(&self) -> DiscoveryStatus {
        self.shared.discovery_status.get()
    }

    fn observe_timeout(&self, agent: &Arc<Agent>) {
        self.shared.api.health().observe_timeout(agent);
    }

    fn relays(&self, agent: &Agent) -> Vec<Arc<Agent>> {
        let mut relays = self.shared.relays(agent.region());
        relays.retain(|relay| !relay.is_same(agent));
        relays
    }
}

impl<C: Connect> Clone for NomadDirectory<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<C: Connect> fmt::Debug for NomadDirectory<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NomadDirectory")
            .field("servers", &self.shared.servers())
            .field("nodes", &self.shared.nodes().len())
            .finish_non_exhaustive()
    }
}

/// A look-up of a [`NomadDirectory`]: known at once, or asked for.
///
/// # Cancel safety
/// Dropping it gives up waiting; a question that others wait for as well goes on.
#[must_use = "futures do nothing unless polled"]
pub struct LocateFuture(LookupState);

enum LookupState {
    Cached(Option<Result<Location, DirectoryError>>),
    LookingUp(Pin<Box<dyn Future<Output = Result<Location, DirectoryError>> + Send>>),
}

impl fmt::Debug for LocateFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locating").finish_non_exhaustive()
    }
}

impl Future for LocateFuture {
    type Output = Result<Location, DirectoryError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            LookupState::Cached(found) => {
                Poll::Ready(found.take().expect("a finished future is not polled again"))
            }
            LookupState::LookingUp(asking) => asking.as_mut().poll(cx),
        }
    }
}
