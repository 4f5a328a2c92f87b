//! What is remembered of nodes and allocations, by region and id: the same id in two regions is two questions, and what
//! one of them answers says nothing about the other.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use nomad_wire::{AllocId, Namespace, NodeId, Region};
use quick_cache::{Equivalent, sync::Cache};
use tokio::time::Instant;

use super::node_index::{NodeStatus, NodeVersion};
use crate::{Agent, AgentId};

/// So many nodes' addresses are kept: three fleets of ten thousand.
const MAX_NODES: usize = 32_768;

/// So many allocations' nodes and namespaces are kept, at about 200 bytes each.
const MAX_ALLOCATIONS: usize = 32_768;

/// So many ids that nobody knows are remembered, so that asking for them again costs the servers nothing.
const MAX_UNKNOWN: usize = 4_096;

/// For so long an unknown id is not asked for again: what was just created must be found soon.
const UNKNOWN_TTL: Duration = Duration::from_secs(1);

/// An id in a region.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key<I> {
    pub(super) region: Region,
    pub(super) id: I,
}

impl<I: Copy> Key<I> {
    pub(super) fn new(region: &Region, id: &I) -> Self {
        Self { region: region.clone(), id: *id }
    }
}

/// A [`Key`] that is only looked for. It hashes as one.
#[derive(Hash)]
struct KeyRef<'a, I> {
    region: &'a Region,
    id: &'a I,
}

impl<I: Eq> Equivalent<Key<I>> for KeyRef<'_, I> {
    fn equivalent(&self, key: &Key<I>) -> bool {
        *self.region == key.region && *self.id == key.id
    }
}

/// What was found out about a node, as of one state of it.
#[derive(Debug, Clone)]
pub(super) struct CachedNode {
    /// The agent, or why nobody goes there.
    pub(super) agent: Result<Arc<Agent>, NoPath>,
    /// Its HTTP address, as it is written.
    pub(super) advertised: Arc<str>,
    pub(super) version: NodeVersion,
    pub(super) status: NodeStatus,
    pub(super) fetched_at: Instant,
    /// The node advertises a name, which may lead elsewhere by now.
    pub(super) has_host_name: bool,
    /// Whether another node has its address now, found out in this neighbourhood.
    pub(super) neighbour_check: Option<NeighbourCheck>,
}

/// What was found out about the neighbours of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct NeighbourCheck {
    pub(super) neighbours_hash: u64,
    pub(super) is_address_taken: bool,
}

/// Why a node is not asked itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPath {
    /// The servers have not heard of it for a while: somebody else may have its address.
    Down,
    /// Another node, registered or changed later, advertises the same address.
    AddressTaken,
    /// It advertises none that can be used.
    NoUsableAddress,
    /// It advertises the address of the gateway.
    GatewayAddress,
}

impl NoPath {
    /// For people.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Down => {
                "the list of nodes says down or disconnected, so that its address may be another's"
            }
            Self::AddressTaken => {
                "a node that is newer or was changed later advertises the same address"
            }
            Self::NoUsableAddress => "it advertises no address that can be used",
            Self::GatewayAddress => "it advertises the gateway's own address",
        }
    }
}

/// What never changes about an allocation.
#[derive(Debug, Clone)]
pub(super) struct Allocation {
    pub(super) node: NodeId,
    pub(super) namespace: Namespace,
}

/// All that is remembered.
#[derive(Debug)]
pub(super) struct DirectoryCache {
    /// What the configuration says of nodes: of the own region, never asked for and never forgotten.
    configured: RwLock<HashMap<NodeId, Arc<Agent>>>,
    pub(super) nodes: Cache<Key<NodeId>, CachedNode>,
    pub(super) allocations: Cache<Key<AllocId>, Allocation>,
    unknown: Cache<Key<[u8; 16]>, Instant>,
}

impl DirectoryCache {
    /// Nothing but these nodes of the configuration.
    pub(super) fn new(nodes: &[Arc<Agent>]) -> Self {
        let memory = Self {
            configured: RwLock::default(),
            nodes: Cache::new(MAX_NODES),
            allocations: Cache::new(MAX_ALLOCATIONS),
            unknown: Cache::new(MAX_UNKNOWN),
        };
        for agent in nodes {
            memory.insert_configured(agent);
        }
        memory
    }

    /// Takes over what the configuration says of a node.
    pub(super) fn insert_configured(&self, agent: &Arc<Agent>) {
        if let AgentId::Client(id) = agent.id() {
            let mut fixed = self.configured.write().unwrap_or_else(PoisonError::into_inner);
            fixed.insert(id, Arc::clone(agent));
        }
    }

    /// A node of the configuration.
    pub(super) fn configured(&self, id: &NodeId) -> Option<Arc<Agent>> {
        let fixed = self.configured.read().unwrap_or_else(PoisonError::into_inner);
        fixed.get(id).map(Arc::clone)
    }

    /// A node that was asked for.
    pub(super) fn node(&self, region: &Region, id: &NodeId) -> Option<CachedNode> {
        self.nodes.get(&KeyRef { region, id })
    }

    pub(super) fn forget_node(&self, region: &Region, id: &NodeId) {
        self.nodes.remove(&KeyRef { region, id });
    }

    pub(super) fn allocation(&self, region: &Region, id: &AllocId) -> Option<Allocation> {
        self.allocations.get(&KeyRef { region, id })
    }

    /// Nobody in the region knows this id.
    pub(super) fn insert_unknown(&self, region: &Region, id: &[u8; 16]) {
        self.unknown.insert(Key::new(region, id), Instant::now());
    }

    /// Whether nobody in the region knew this id a moment ago.
    pub(super) fn is_unknown(&self, region: &Region, id: &[u8; 16]) -> bool {
        let since = self.unknown.get(&KeyRef { region, id });
        since.is_some_and(|since| since.elapsed() < UNKNOWN_TTL)
    }
}
