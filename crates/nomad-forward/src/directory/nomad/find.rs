//! Look-ups that nobody has to be asked for.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use nomad_acl::{RegionScope, Subject};
use nomad_wire::{AllocId, IdError, NodeId, Region, Written};

use super::{
    Shared,
    index::Like,
    memory::Allocation,
    nodes::Now,
    servers::{Member, Servers},
};
use crate::{
    Agent, Target,
    connect::Connect,
    directory::{LocateError, Meant, Place, Spelling, Way},
};

/// What comes of a look-up at once.
pub(super) enum Step {
    Found(Result<Place, LocateError>),
    Ask,
}

impl<C: Connect> Shared<C> {
    pub(super) fn find(
        &self,
        target: &Target,
        region: Option<&Region>,
        spelling: Spelling,
    ) -> Step {
        match target {
            Target::AnyServer => Step::Found(self.any_server()),
            Target::SoleServer => Step::Found(self.sole_server()),
            Target::AnyClient | Target::SoleClient => Step::Ask,
            Target::Node(Written::Id(id)) => {
                let home = self.home(region);
                match self.known(&home, id) {
                    Now::At(agent) => Step::Found(Ok(self.place(agent, Subject::Agent, &home))),
                    Now::NoPath(_) => Step::Found(self.without_path(*id, Subject::Agent, &home)),
                    Now::Ask if self.memory.is_unknown(&home, id.as_bytes()) => {
                        Step::Found(Err(LocateError::UnknownNode(id.as_str().into())))
                    }
                    Now::Ask => Step::Ask,
                }
            }
            Target::Node(Written::Malformed { text, .. }) => {
                match (region, spelling, self.nodes().like(text, spelling)) {
                    (None, Spelling::Short, Like::Several(count)) => {
                        let written = text.clone();
                        Step::Found(Err(LocateError::AmbiguousNode { written, count }))
                    }
                    _ => Step::Ask,
                }
            }
            Target::Leader | Target::Server(_) => self.find_server(target, region, spelling),
            Target::Allocation(written) => self.allocation(written, region),
        }
    }

    fn find_server(&self, target: &Target, region: Option<&Region>, spelling: Spelling) -> Step {
        let servers = self.servers();
        // While the members are not known the caller may know them.
        if servers.members.is_none() {
            return Step::Ask;
        }
        let is_foreign = region.is_some_and(|region| *region != servers.region);
        match target {
            Target::Leader if is_foreign => Step::Ask,
            Target::Server(written) => {
                let region = region.unwrap_or(&servers.region);
                Step::Found(self.server(&servers, written, region, spelling))
            }
            _ => Step::Found(self.leader(&servers)),
        }
    }

    /// The region that the caller means, who means the own one by naming none.
    pub(super) fn home(&self, named: Option<&Region>) -> Region {
        let own = || {
            let servers = self.servers.read().unwrap_or_else(PoisonError::into_inner);
            servers.region.clone()
        };
        named.map_or_else(own, Region::clone)
    }

    /// Whether it is the region of the servers that are asked.
    pub(super) fn is_own(&self, region: &Region) -> bool {
        self.servers.read().unwrap_or_else(PoisonError::into_inner).region == *region
    }

    /// Whether the list of nodes tells of this region.
    pub(super) fn is_listed(&self, region: &Region) -> bool {
        self.is_watched.load(Ordering::Relaxed) && self.is_own(region)
    }

    /// No agent is named: any server, and in turn, so that their connections are used alike.
    pub(super) fn any_server(&self) -> Result<Place, LocateError> {
        let servers = self.servers();
        let mut turn = self.api.in_turn(&servers.any(&servers.region)).into_iter();
        let agent = turn.next().ok_or(LocateError::NoServers)?;
        Ok(Place {
            agent,
            subject: Subject::Agent,
            others: turn.collect(),
            way: Way::Itself,
            region: RegionScope::Own,
        })
    }

    /// The one server there is: what changes one server alone is sent to none that was not meant.
    fn sole_server(&self) -> Result<Place, LocateError> {
        let servers = self.servers();
        let known = servers.members.as_ref().map(|_| servers.in_region(&servers.region).count());
        if known.unwrap_or(servers.seeds.len()) > 1 {
            return Err(LocateError::SeveralServers);
        }
        self.any_server()
    }

    /// A node that is not asked itself: a server passes the call on, as far as servers do.
    pub(super) fn without_path(
        &self,
        id: NodeId,
        subject: Subject,
        region: &Region,
    ) -> Result<Place, LocateError> {
        let place = self.relayed(Meant::Node(id), subject, region);
        place.ok_or(LocateError::NoPathToNode)
    }

    /// The agent itself, of this region, or a server while there is no way to it.
    pub(super) fn place(&self, agent: Arc<Agent>, subject: Subject, region: &Region) -> Place {
        if !self.api.reach().is_open(&agent) {
            let meant = Meant::Agent(Arc::clone(&agent));
            if let Some(place) = self.relayed(meant, subject.clone(), region) {
                return place;
            }
        }
        let region = self.scope(region);
        Place { agent, subject, others: Vec::new(), way: Way::Itself, region }
    }

    /// A region as rights know it.
    pub(super) fn scope(&self, region: &Region) -> RegionScope {
        if self.home(None) == *region {
            RegionScope::Own
        } else {
            RegionScope::Other(region.clone())
        }
    }

    /// Servers of a region that pass calls on, those that can be reached first.
    pub(super) fn relays(&self, region: &Region) -> Vec<Arc<Agent>> {
        self.api.in_turn(&self.servers().any(region))
    }

    /// A server that passes the call on to an agent of this region.
    pub(super) fn relayed(&self, meant: Meant, subject: Subject, region: &Region) -> Option<Place> {
        let mut relays = self.relays(region);
        if let Meant::Agent(meant) = &meant {
            relays.retain(|relay| !relay.is_same(meant));
        }
        let mut relays = relays.into_iter();
        let agent = relays.next()?;
        let (others, region) = (relays.collect(), self.scope(region));
        Some(Place { agent, subject, others, way: Way::Relay(meant), region })
    }

    pub(super) fn leader(&self, servers: &Servers) -> Result<Place, LocateError> {
        if servers.members.is_none() {
            return self.unseen_server(servers, &servers.region, "leader", Meant::Unknown);
        }
        let member = servers.leader().ok_or(LocateError::NoLeader)?;
        self.member(servers, member, Meant::Unknown)
    }

    pub(super) fn server(
        &self,
        servers: &Servers,
        written: &str,
        region: &Region,
        spelling: Spelling,
    ) -> Result<Place, LocateError> {
        if !servers.knows(region) {
            return Err(LocateError::UnknownRegion);
        }
        if servers.members.is_none() {
            return self.unseen_server(servers, region, written, Meant::Unknown);
        }
        let member = servers.find(written, region, spelling);
        let member = member.ok_or_else(|| LocateError::UnknownServer(written.into()))?;
        self.member(servers, member, Meant::Server(member.name.clone()))
    }

    /// The place of a live server, whose HTTP address may not be known.
    pub(super) fn member(
        &self,
        servers: &Servers,
        member: &Member,
        unseen: Meant,
    ) -> Result<Place, LocateError> {
        match &member.agent {
            Some(agent) => Ok(self.place(Arc::clone(agent), Subject::Agent, &member.region)),
            None => self.unseen_server(servers, &member.region, &member.name, unseen),
        }
    }

    /// A server passes the call on. Never a client agent: it would answer about itself.
    fn unseen_server(
        &self,
        servers: &Servers,
        region: &Region,
        written: &str,
        meant: Meant,
    ) -> Result<Place, LocateError> {
        let has_servers = servers.are_seeds_servers || servers.verified().next().is_some();
        let relayed = self.relayed(meant, Subject::Agent, region);
        relayed.filter(|_| has_servers).ok_or_else(|| LocateError::NoPathToServer(written.into()))
    }

    fn allocation(&self, written: &Written<AllocId>, region: Option<&Region>) -> Step {
        let id = match written {
            Written::Id(id) => id,
            Written::Malformed { text, reason: IdError::TooManyDigits } => {
                return Step::Found(Err(LocateError::UnknownAllocation(text.clone())));
            }
            Written::Malformed { reason, .. } => {
                return Step::Found(Err(LocateError::AllocLookup(reason.clone())));
            }
        };
        let home = self.home(region);
        if self.memory.is_unknown(&home, id.as_bytes()) {
            return Step::Found(Err(LocateError::UnknownAllocation(id.as_str().into())));
        }
        let Some(Allocation { node, namespace }) = self.memory.allocation(&home, id) else {
            return Step::Ask;
        };
        match self.known(&home, &node) {
            Now::At(agent) => {
                Step::Found(Ok(self.place(agent, Subject::Namespace(namespace), &home)))
            }
            Now::NoPath(_) => {
                Step::Found(self.without_path(node, Subject::Namespace(namespace), &home))
            }
            Now::Ask => Step::Ask,
        }
    }
}
