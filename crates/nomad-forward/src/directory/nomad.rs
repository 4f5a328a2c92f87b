//! A fleet that is found, and watched, through Nomad's own API.
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

mod beliefs;
mod body;
mod borrow;
mod catalog;
mod clients;
mod find;
mod index;
mod look_up;
mod memory;
mod names;
mod nodes;
mod options;
mod question;
mod servers;
mod sight;
mod verify;
mod watch;

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

pub use self::{
    catalog::Consul,
    names::{Host, Names, Resolving, SystemNames},
    options::NomadOptions,
    watch::Watch,
};
use self::{
    find::Step, index::NodeIndex, memory::Memory, question::Who, servers::Servers, sight::LastSight,
};
use super::{Belief, Caller, Directory, LocateError, Place, Reachable, Sight};
use crate::{Agent, NomadApi, Target, connect::Connect};

/// For so long an address is believed while nobody tells us of changes, because the list of nodes may not be read.
const UNWATCHED_FOR: Duration = Duration::from_secs(30);

/// What a directory knows of the region that a caller names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is known, or it is not, or nobody can tell")]
pub enum NamedRegion {
    /// It is the own one, or none is named.
    Own,
    /// Another one, which has live servers.
    Other,
    /// There is no such region.
    Nowhere,
    /// There may be one: the servers of other regions may not be read.
    Unseen,
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
    moved: RwLock<HashMap<SocketAddr, SocketAddr>>,
    servers: RwLock<Arc<Servers>>,
    nodes: RwLock<Arc<NodeIndex>>,
    /// Whether the list of nodes tells of changes.
    is_watched: AtomicBool,
    memory: Memory,
    /// Something about the servers seems to have changed.
    hurry: Notify,
    /// What the servers say to the gateway's own token.
    sight: LastSight,
    /// Whose turn it is to find out what a caller's token tells of the servers.
    borrowing: Mutex<()>,
}

impl<C: Connect> NomadDirectory<C> {
    /// The directory, and the task that keeps it fresh, to be run by whoever owns it. Nothing is asked before it runs.
    pub fn new(api: NomadApi<C>, options: NomadOptions) -> (Self, Watch<C>) {
        let seeds = api.servers();
        let region = options.region.clone().unwrap_or_default();
        let servers = Servers::unknown(region, &seeds);
        let shared = Arc::new(Shared {
            api,
            seeds,
            moved: RwLock::default(),
            servers: RwLock::new(Arc::new(servers)),
            nodes: RwLock::default(),
            is_watched: AtomicBool::new(false),
            memory: Memory::new(&options.nodes),
            hurry: Notify::new(),
            sight: LastSight::default(),
            borrowing: Mutex::new(()),
            options,
        });
        (Self { shared: Arc::clone(&shared) }, Watch::new(shared))
    }

    /// How many nodes are known.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.shared.nodes().len()
    }

    /// What is known of the region that a caller names.
    #[must_use]
    pub fn named_region(&self, region: Option<&Region>) -> NamedRegion {
        let servers = self.shared.servers();
        match region {
            None => NamedRegion::Own,
            Some(region) if *region == servers.region => NamedRegion::Own,
            Some(_) if servers.members.is_none() => NamedRegion::Unseen,
            Some(region) if servers.in_region(region).next().is_some() => NamedRegion::Other,
            Some(_) => NamedRegion::Nowhere,
        }
    }

    /// The servers that are found, each with a verified HTTP address.
    #[must_use]
    pub fn servers(&self) -> Vec<Arc<Agent>> {
        self.shared.servers().verified().map(Arc::clone).collect()
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
    fn lost(&self, agent: &Agent) {
        match agent.identity() {
            crate::Identity::Client(id) => {
                let known = self.memory.node(agent.region(), &id);
                if known.is_some_and(|known| known.is_named) {
                    self.memory.forget_node(agent.region(), &id);
                }
            }
            crate::Identity::Server(_) | crate::Identity::Seed => self.hurry.notify_one(),
        }
    }
}

impl<C: Connect> Directory for NomadDirectory<C> {
    type Locate = Locating;

    fn locate(&self, target: &Target, region: Option<&Region>, caller: Caller<'_>) -> Self::Locate {
        let spelling = caller.spelling();
        match self.shared.find(target, region, spelling) {
            Step::Found(found) => Locating(Locate::Known(Some(found))),
            Step::Ask => {
                let shared = Arc::clone(&self.shared);
                let who = Who { own: shared.options.token.clone(), caller: caller.token() };
                let who = shared.sight.asking(who);
                let (target, region) = (target.clone(), region.cloned());
                Locating(Locate::Asking(Box::pin(async move {
                    shared.look_up(&target, region.as_ref(), spelling, &who).await
                })))
            }
        }
    }

    fn observe(&self, agent: &Arc<Agent>, reachable: Reachable) {
        self.shared.api.reach().observe(agent, reachable);
        if reachable == Reachable::No {
            self.shared.lost(agent);
        }
    }

    fn fleet(&self) -> Vec<Belief> {
        self.shared.beliefs()
    }

    fn sight(&self) -> Sight {
        self.shared.sight.get()
    }

    fn observe_silence(&self, agent: &Arc<Agent>) {
        self.shared.api.reach().note_silent(agent);
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
pub struct Locating(Locate);

enum Locate {
    Known(Option<Result<Place, LocateError>>),
    Asking(Pin<Box<dyn Future<Output = Result<Place, LocateError>> + Send>>),
}

impl fmt::Debug for Locating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locating").finish_non_exhaustive()
    }
}

impl Future for Locating {
    type Output = Result<Place, LocateError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Locate::Known(found) => {
                Poll::Ready(found.take().expect("a finished future is not polled again"))
            }
            Locate::Asking(asking) => asking.as_mut().poll(cx),
        }
    }
}
