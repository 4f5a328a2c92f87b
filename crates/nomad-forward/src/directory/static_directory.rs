//! A fleet that is known beforehand.

use std::{
    collections::HashMap,
    fmt,
    future::{Ready, ready},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use nomad_acl::{RegionScope, Subject};
use nomad_wire::{AllocId, IdError, IdParam, Namespace, NodeId, Region};
use tokio::time::Instant;

use super::{
    AgentHealth, Directory, DirectoryError, HealthState, Location, LookupContext, NameMatch,
    Reachability, Via,
};
use crate::{
    Agent, Target,
    agent::{AgentId, AgentKey},
};

/// For so long an agent that could not be reached is asked last when any agent will do. Short, since asking it again
/// costs a refused connection at worst.
const AVOID_PERIOD: Duration = Duration::from_secs(5);

/// The shortest beginning of a node id that is looked up: the command line demands as much.
const MIN_PREFIX: usize = 2;

type Leader = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// A directory of agents fixed at the start, with allocations that may come and go.
///
/// Cheap to clone: all clones are one directory.
#[derive(Clone)]
pub struct StaticDirectory {
    shared: Arc<Shared>,
}

struct Shared {
    region: Region,
    servers: Vec<Arc<Agent>>,
    clients: Vec<Arc<Agent>>,
    clients_by_id: HashMap<NodeId, Arc<Agent>>,
    leader: Leader,
    allocations: RwLock<HashMap<AllocId, (Arc<Agent>, Namespace)>>,
    avoided: RwLock<HashMap<AgentKey, Instant>>,
}

impl fmt::Debug for StaticDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("region", &self.shared.region)
            .field("servers", &self.shared.servers)
            .field("clients", &self.shared.clients)
            .finish_non_exhaustive()
    }
}

/// Collects the agents of a [`StaticDirectory`].
pub struct StaticDirectoryBuilder {
    region: Region,
    agents: Vec<Arc<Agent>>,
    leader: Leader,
}

impl fmt::Debug for StaticDirectoryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticDirectoryBuilder")
            .field("agents", &self.agents)
            .finish_non_exhaustive()
    }
}

impl StaticDirectoryBuilder {
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
    pub fn build(self) -> StaticDirectory {
        let (servers, clients): (Vec<_>, Vec<_>) =
            self.agents.into_iter().partition(|agent| agent.is_server());
        let by_node = clients.iter().filter_map(|agent| match agent.id() {
            AgentId::Client(id) => Some((id, Arc::clone(agent))),
            AgentId::Server(_) | AgentId::Seed => None,
        });
        let by_node = by_node.collect();
        StaticDirectory {
            shared: Arc::new(Shared {
                region: self.region,
                servers,
                clients,
                clients_by_id: by_node,
                leader: self.leader,
                allocations: RwLock::default(),
                avoided: RwLock::default(),
            }),
        }
    }
}

impl StaticDirectory {
    /// An empty directory of one region, to be filled.
    #[must_use]
    pub fn builder(region: Region) -> StaticDirectoryBuilder {
        StaticDirectoryBuilder { region, agents: Vec::new(), leader: Box::new(|| None) }
    }

    /// Says which node runs an allocation, and in which namespace it is. A node that is not in the directory is
    /// ignored.
    pub fn insert_allocation(&self, id: AllocId, node: NodeId, namespace: Namespace) {
        if let Some(agent) = self.shared.clients_by_id.get(&node) {
            let mut allocations =
                self.shared.allocations.write().unwrap_or_else(PoisonError::into_inner);
            allocations.insert(id, (Arc::clone(agent), namespace));
        }
    }

    fn find(
        &self,
        target: &Target,
        region: Option<&Region>,
        spelling: NameMatch,
    ) -> Result<Location, DirectoryError> {
        // Who names no agent is served by whoever is asked, and that one ignores the region, as in Nomad.
        if target.is_explicit() && region.is_some_and(|region| *region != self.shared.region) {
            return Err(DirectoryError::UnknownRegion);
        }
        match target {
            Target::SoleServer if self.shared.servers.len() > 1 => {
                Err(DirectoryError::SeveralServers)
            }
            Target::AnyServer | Target::SoleServer => {
                self.any_of(&self.shared.servers).ok_or(DirectoryError::NoServers)
            }
            Target::SoleClient if self.shared.clients.len() > 1 => {
                Err(DirectoryError::SeveralClients)
            }
            // Where there is no client a server says so.
            Target::AnyClient | Target::SoleClient => self
                .any_of(&self.shared.clients)
                .or_else(|| self.any_of(&self.shared.servers))
                .ok_or(DirectoryError::NoServers),
            Target::Node(written) => self.node(written, spelling).map(agent_location),
            Target::Leader => self.leader().map(agent_location),
            Target::Server(name) => self.server(name, spelling).map(agent_location),
            Target::Allocation(written) => self.allocation(written),
        }
    }

    fn any_of(&self, agents: &[Arc<Agent>]) -> Option<Location> {
        let avoided = self.shared.avoided.read().unwrap_or_else(PoisonError::into_inner);
        let is_avoided = |agent: &Arc<Agent>| {
            avoided.get(&agent.key()).is_some_and(|since| since.elapsed() < AVOID_PERIOD)
        };
        let first = agents.iter().position(|agent| !is_avoided(agent)).unwrap_or(0);
        let agent = Arc::clone(agents.get(first)?);
        let others = agents.iter().filter(|other| !other.is_same(&agent)).map(Arc::clone).collect();
        Some(Location {
            agent,
            subject: Subject::Agent,
            fallbacks: others,
            via: Via::Direct,
            region: RegionScope::Own,
        })
    }

    fn node(
        &self,
        written: &IdParam<NodeId>,
        spelling: NameMatch,
    ) -> Result<Arc<Agent>, DirectoryError> {
        match written {
            IdParam::Valid(id) => {
                let agent = self.shared.clients_by_id.get(id);
                agent.map(Arc::clone).ok_or_else(|| DirectoryError::UnknownNode(id.as_str().into()))
            }
            IdParam::Malformed { text, reason } => {
                self.node_by_name_or_prefix(text, reason, spelling)
            }
        }
    }

    fn node_by_name_or_prefix(
        &self,
        text: &str,
        reason: &IdError,
        spelling: NameMatch,
    ) -> Result<Arc<Agent>, DirectoryError> {
        let is_prefix = |agent: &Arc<Agent>| match agent.id() {
            AgentId::Client(id) => {
                text.len() >= MIN_PREFIX && id.as_str().starts_with(&*text.to_ascii_lowercase())
            }
            AgentId::Server(_) | AgentId::Seed => false,
        };
        let named: Vec<_> =
            self.shared.clients.iter().filter(|agent| agent.name() == text).collect();
        let found = match (named.len(), spelling) {
            (0, NameMatch::Prefix) => {
                self.shared.clients.iter().filter(|agent| is_prefix(agent)).collect()
            }
            _ => named,
        };
        match found.as_slice() {
            [] if *reason == IdError::TooManyDigits => {
                Err(DirectoryError::UnknownNode(text.into()))
            }
            [] => Err(DirectoryError::NodeLookup(reason.clone())),
            [agent] => Ok(Arc::clone(agent)),
            [..] if spelling == NameMatch::Exact => Err(DirectoryError::NodeLookup(reason.clone())),
            several => {
                Err(DirectoryError::AmbiguousNode { written: text.into(), count: several.len() })
            }
        }
    }

    fn leader(&self) -> Result<Arc<Agent>, DirectoryError> {
        let name = (self.shared.leader)().ok_or(DirectoryError::NoLeader)?;
        self.server(&name, NameMatch::Exact).map_err(|_| DirectoryError::NoLeader)
    }

    /// By full name, by id, or, where that will do, by the name without its region.
    fn server(&self, written: &str, spelling: NameMatch) -> Result<Arc<Agent>, DirectoryError> {
        let matches = |agent: &&Arc<Agent>| {
            let id = match agent.id() {
                AgentId::Server(id) => id,
                AgentId::Client(_) | AgentId::Seed => return false,
            };
            let bare = agent.name().strip_suffix(agent.region().as_str());
            let bare = bare.and_then(|bare| bare.strip_suffix('.'));
            agent.name() == written
                || id.as_str() == written
                || (spelling == NameMatch::Prefix && bare.is_some_and(|bare| bare == written))
        };
        let agent = self.shared.servers.iter().find(matches);
        agent.map(Arc::clone).ok_or_else(|| DirectoryError::UnknownServer(written.into()))
    }

    fn allocation(&self, written: &IdParam<AllocId>) -> Result<Location, DirectoryError> {
        let id = match written {
            IdParam::Valid(id) => id,
            IdParam::Malformed { text, reason: IdError::TooManyDigits } => {
                return Err(DirectoryError::UnknownAllocation(text.clone()));
            }
            IdParam::Malformed { reason, .. } => {
                return Err(DirectoryError::AllocLookup(reason.clone()));
            }
        };
        let allocations = self.shared.allocations.read().unwrap_or_else(PoisonError::into_inner);
        match allocations.get(id) {
            Some((agent, namespace)) => Ok(Location {
                agent: Arc::clone(agent),
                subject: Subject::Namespace(namespace.clone()),
                fallbacks: Vec::new(),
                via: Via::Direct,
                region: RegionScope::Own,
            }),
            None => Err(DirectoryError::UnknownAllocation(id.as_str().into())),
        }
    }
}

fn agent_location(agent: Arc<Agent>) -> Location {
    Location {
        agent,
        subject: Subject::Agent,
        fallbacks: Vec::new(),
        via: Via::Direct,
        region: RegionScope::Own,
    }
}

impl Directory for StaticDirectory {
    type Future = Ready<Result<Location, DirectoryError>>;

    fn locate(
        &self,
        target: &Target,
        region: Option<&Region>,
        who: LookupContext<'_>,
    ) -> Self::Future {
        ready(self.find(target, region, who.name_match()))
    }

    fn agent_health(&self) -> Vec<AgentHealth> {
        let avoided = self.shared.avoided.read().unwrap_or_else(PoisonError::into_inner);
        let belief = |agent: &Arc<Agent>| {
            let ago = avoided.get(&agent.key()).map(Instant::elapsed);
            match ago.filter(|ago| *ago < AVOID_PERIOD) {
                None => {
                    let why = "listed in the table, and no connection has failed lately";
                    AgentHealth::new(Arc::clone(agent), HealthState::Direct, why)
                }
                Some(ago) => {
                    let why = format!("a connection failed {:.1} s ago", ago.as_secs_f32());
                    AgentHealth::new(Arc::clone(agent), HealthState::Avoided, why)
                }
            }
        };
        self.shared.servers.iter().chain(&self.shared.clients).map(belief).collect()
    }

    fn observe(&self, agent: &Arc<Agent>, reachable: Reachability) {
        let known = {
            let avoided = self.shared.avoided.read().unwrap_or_else(PoisonError::into_inner);
            avoided.contains_key(&agent.key())
        };
        // The common case, reachable before and now, takes no write lock.
        match reachable {
            Reachability::Reachable if !known => {}
            Reachability::Reachable => {
                let mut avoided =
                    self.shared.avoided.write().unwrap_or_else(PoisonError::into_inner);
                avoided.remove(&agent.key());
            }
            Reachability::Unreachable => {
                let mut avoided =
                    self.shared.avoided.write().unwrap_or_else(PoisonError::into_inner);
                avoided.insert(agent.key(), Instant::now());
            }
        }
    }
}

#[cfg(test)]
mod tests;
