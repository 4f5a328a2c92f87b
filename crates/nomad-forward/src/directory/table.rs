//! A fleet that is known beforehand.

use std::{
    collections::HashMap,
    fmt,
    future::{Ready, ready},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use nomad_acl::{RegionScope, Subject};
use nomad_wire::{AllocId, IdError, Namespace, NodeId, Region, Written};
use tokio::time::Instant;

use super::{Belief, Caller, Directory, LocateError, Place, Reachable, Spelling, Standing, Way};
use crate::{
    Agent, Target,
    agent::{AgentKey, Identity},
};

/// For so long an agent that could not be reached is asked last when any agent will do. Short, since asking it again
/// costs a refused connection at worst.
const AVOIDED_FOR: Duration = Duration::from_secs(5);

/// The shortest beginning of a node id that is looked up: the command line demands as much.
const MIN_PREFIX: usize = 2;

type Leader = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// A directory of agents fixed at the start, with allocations that may come and go.
///
/// Cheap to clone: all clones are one directory.
#[derive(Clone)]
pub struct Table {
    shared: Arc<Shared>,
}

struct Shared {
    region: Region,
    servers: Vec<Arc<Agent>>,
    clients: Vec<Arc<Agent>>,
    by_node: HashMap<NodeId, Arc<Agent>>,
    leader: Leader,
    allocations: RwLock<HashMap<AllocId, (Arc<Agent>, Namespace)>>,
    avoided: RwLock<HashMap<AgentKey, Instant>>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("region", &self.shared.region)
            .field("servers", &self.shared.servers)
            .field("clients", &self.shared.clients)
            .finish_non_exhaustive()
    }
}

/// Collects the agents of a [`Table`].
pub struct TableBuilder {
    region: Region,
    agents: Vec<Arc<Agent>>,
    leader: Leader,
}

impl fmt::Debug for TableBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableBuilder").field("agents", &self.agents).finish_non_exhaustive()
    }
}

impl TableBuilder {
    /// Adds an agent. The first server added is the one asked when any will do.
    #[must_use]
    pub fn agent(mut self, agent: Agent) -> Self {
        self.agents.push(Arc::new(agent));
        self
    }

    /// Says who leads: the full name of a server, asked anew for every call to the leader.
    #[must_use]
    pub fn leader(mut self, leader: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        self.leader = Box::new(leader);
        self
    }

    /// The directory.
    #[must_use]
    pub fn build(self) -> Table {
        let (servers, clients): (Vec<_>, Vec<_>) =
            self.agents.into_iter().partition(|agent| agent.is_server());
        let by_node = clients.iter().filter_map(|agent| match agent.identity() {
            Identity::Client(id) => Some((id, Arc::clone(agent))),
            Identity::Server(_) | Identity::Seed => None,
        });
        let by_node = by_node.collect();
        Table {
            shared: Arc::new(Shared {
                region: self.region,
                servers,
                clients,
                by_node,
                leader: self.leader,
                allocations: RwLock::default(),
                avoided: RwLock::default(),
            }),
        }
    }
}

impl Table {
    /// An empty directory of one region, to be filled.
    #[must_use]
    pub fn builder(region: Region) -> TableBuilder {
        TableBuilder { region, agents: Vec::new(), leader: Box::new(|| None) }
    }

    /// Says which node runs an allocation, and in which namespace it is. A node that is not in the directory is
    /// ignored.
    pub fn insert_allocation(&self, id: AllocId, node: NodeId, namespace: Namespace) {
        if let Some(agent) = self.shared.by_node.get(&node) {
            let mut allocations =
                self.shared.allocations.write().unwrap_or_else(PoisonError::into_inner);
            allocations.insert(id, (Arc::clone(agent), namespace));
        }
    }

    fn find(
        &self,
        target: &Target,
        region: Option<&Region>,
        spelling: Spelling,
    ) -> Result<Place, LocateError> {
        // Who names no agent is served by whoever is asked, and that one ignores the region, as in Nomad.
        if target.names_one() && region.is_some_and(|region| *region != self.shared.region) {
            return Err(LocateError::UnknownRegion);
        }
        match target {
            Target::SoleServer if self.shared.servers.len() > 1 => Err(LocateError::SeveralServers),
            Target::AnyServer | Target::SoleServer => {
                self.any(&self.shared.servers).ok_or(LocateError::NoServers)
            }
            Target::SoleClient if self.shared.clients.len() > 1 => Err(LocateError::SeveralClients),
            // Where there is no client a server says so.
            Target::AnyClient | Target::SoleClient => self
                .any(&self.shared.clients)
                .or_else(|| self.any(&self.shared.servers))
                .ok_or(LocateError::NoServers),
            Target::Node(written) => self.node(written, spelling).map(one),
            Target::Leader => self.leader().map(one),
            Target::Server(name) => self.server(name, spelling).map(one),
            Target::Allocation(written) => self.allocation(written),
        }
    }

    fn any(&self, agents: &[Arc<Agent>]) -> Option<Place> {
        let avoided = self.shared.avoided.read().unwrap_or_else(PoisonError::into_inner);
        let is_avoided = |agent: &Arc<Agent>| {
            avoided.get(&agent.key()).is_some_and(|since| since.elapsed() < AVOIDED_FOR)
        };
        let first = agents.iter().position(|agent| !is_avoided(agent)).unwrap_or(0);
        let agent = Arc::clone(agents.get(first)?);
        let others = agents.iter().filter(|other| !other.is_same(&agent)).map(Arc::clone).collect();
        Some(Place {
            agent,
            subject: Subject::Agent,
            others,
            way: Way::Itself,
            region: RegionScope::Own,
        })
    }

    fn node(
        &self,
        written: &Written<NodeId>,
        spelling: Spelling,
    ) -> Result<Arc<Agent>, LocateError> {
        match written {
            Written::Id(id) => {
                let agent = self.shared.by_node.get(id);
                agent.map(Arc::clone).ok_or_else(|| LocateError::UnknownNode(id.as_str().into()))
            }
            Written::Malformed { text, reason } => self.node_like(text, reason, spelling),
        }
    }

    fn node_like(
        &self,
        text: &str,
        reason: &IdError,
        spelling: Spelling,
    ) -> Result<Arc<Agent>, LocateError> {
        let is_prefix = |agent: &Arc<Agent>| match agent.identity() {
            Identity::Client(id) => {
                text.len() >= MIN_PREFIX && id.as_str().starts_with(&*text.to_ascii_lowercase())
            }
            Identity::Server(_) | Identity::Seed => false,
        };
        let named: Vec<_> =
            self.shared.clients.iter().filter(|agent| agent.name() == text).collect();
        let found = match (named.len(), spelling) {
            (0, Spelling::Short) => {
                self.shared.clients.iter().filter(|agent| is_prefix(agent)).collect()
            }
            _ => named,
        };
        match found.as_slice() {
            [] if *reason == IdError::TooManyDigits => Err(LocateError::UnknownNode(text.into())),
            [] => Err(LocateError::NodeLookup(reason.clone())),
            [agent] => Ok(Arc::clone(agent)),
            [..] if spelling == Spelling::Full => Err(LocateError::NodeLookup(reason.clone())),
            several => {
                Err(LocateError::AmbiguousNode { written: text.into(), count: several.len() })
            }
        }
    }

    fn leader(&self) -> Result<Arc<Agent>, LocateError> {
        let name = (self.shared.leader)().ok_or(LocateError::NoLeader)?;
        self.server(&name, Spelling::Full).map_err(|_| LocateError::NoLeader)
    }

    /// By full name, by id, or, where that will do, by the name without its region.
    fn server(&self, written: &str, spelling: Spelling) -> Result<Arc<Agent>, LocateError> {
        let matches = |agent: &&Arc<Agent>| {
            let id = match agent.identity() {
                Identity::Server(id) => id,
                Identity::Client(_) | Identity::Seed => return false,
            };
            let bare = agent.name().strip_suffix(agent.region().as_str());
            let bare = bare.and_then(|bare| bare.strip_suffix('.'));
            agent.name() == written
                || id.as_str() == written
                || (spelling == Spelling::Short && bare.is_some_and(|bare| bare == written))
        };
        let agent = self.shared.servers.iter().find(matches);
        agent.map(Arc::clone).ok_or_else(|| LocateError::UnknownServer(written.into()))
    }

    fn allocation(&self, written: &Written<AllocId>) -> Result<Place, LocateError> {
        let id = match written {
            Written::Id(id) => id,
            Written::Malformed { text, reason: IdError::TooManyDigits } => {
                return Err(LocateError::UnknownAllocation(text.clone()));
            }
            Written::Malformed { reason, .. } => {
                return Err(LocateError::AllocLookup(reason.clone()));
            }
        };
        let allocations = self.shared.allocations.read().unwrap_or_else(PoisonError::into_inner);
        match allocations.get(id) {
            Some((agent, namespace)) => Ok(Place {
                agent: Arc::clone(agent),
                subject: Subject::Namespace(namespace.clone()),
                others: Vec::new(),
                way: Way::Itself,
                region: RegionScope::Own,
            }),
            None => Err(LocateError::UnknownAllocation(id.as_str().into())),
        }
    }
}

fn one(agent: Arc<Agent>) -> Place {
    Place {
        agent,
        subject: Subject::Agent,
        others: Vec::new(),
        way: Way::Itself,
        region: RegionScope::Own,
    }
}

impl Directory for Table {
    type Locate = Ready<Result<Place, LocateError>>;

    fn locate(&self, target: &Target, region: Option<&Region>, who: Caller<'_>) -> Self::Locate {
        ready(self.find(target, region, who.spelling()))
    }

    fn fleet(&self) -> Vec<Belief> {
        let avoided = self.shared.avoided.read().unwrap_or_else(PoisonError::into_inner);
        let belief = |agent: &Arc<Agent>| {
            let ago = avoided.get(&agent.key()).map(Instant::elapsed);
            match ago.filter(|ago| *ago < AVOIDED_FOR) {
                None => {
                    let why = "listed in the table, and no connection has failed lately";
                    Belief::new(Arc::clone(agent), Standing::Direct, why)
                }
                Some(ago) => {
                    let why = format!("a connection failed {:.1} s ago", ago.as_secs_f32());
                    Belief::new(Arc::clone(agent), Standing::Avoided, why)
                }
            }
        };
        self.shared.servers.iter().chain(&self.shared.clients).map(belief).collect()
    }

    fn observe(&self, agent: &Arc<Agent>, reachable: Reachable) {
        let known = {
            let avoided = self.shared.avoided.read().unwrap_or_else(PoisonError::into_inner);
            avoided.contains_key(&agent.key())
        };
        // The common case, reachable before and now, takes no write lock.
        match reachable {
            Reachable::Yes if !known => {}
            Reachable::Yes => {
                let mut avoided =
                    self.shared.avoided.write().unwrap_or_else(PoisonError::into_inner);
                avoided.remove(&agent.key());
            }
            Reachable::No => {
                let mut avoided =
                    self.shared.avoided.write().unwrap_or_else(PoisonError::into_inner);
                avoided.insert(agent.key(), Instant::now());
            }
        }
    }
}

#[cfg(test)]
mod tests;
