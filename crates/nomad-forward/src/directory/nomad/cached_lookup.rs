//! Lookups that the cache answers.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use nomad_acl::{RegionScope, Subject};
use nomad_wire::{AllocId, IdError, IdParam, NodeId, Region};

use super::{
    Shared,
    directory_cache::Allocation,
    node_index::NodeMatch,
    nodes::NodeLocation,
    servers::{Member, Servers},
};
use crate::{
    Agent, Target,
    connect::Connect,
    directory::{DirectoryError, Location, NameMatch, RelayTarget, Via},
};

/// What comes of a look-up at once.
pub(super) enum CachedLookup {
    Found(Result<Location, DirectoryError>),
    NotCached,
}

impl<C: Connect> Shared<C> {
    pub(super) fn find_cached(
        &self,
        target: &Target,
        region: Option<&Region>,
        spelling: NameMatch,
    ) -> CachedLookup {
        match target {
            Target::AnyServer => CachedLookup::Found(self.any_server()),
            Target::SoleServer => CachedLookup::Found(self.sole_server()),
            Target::AnyClient | Target::SoleClient => CachedLookup::NotCached,
            Target::Node(IdParam::Valid(id)) => {
                let home = self.region_or_own(region);
                match self.cached_node_location(&home, id) {
                    NodeLocation::At(agent) => {
                        CachedLookup::Found(Ok(self.location(agent, Subject::Agent, &home)))
                    }
                    NodeLocation::NoPath(_) => {
                        CachedLookup::Found(self.relay_to_node(*id, Subject::Agent, &home))
                    }
                    NodeLocation::NotCached if self.cache.is_unknown(&home, id.as_bytes()) => {
                        CachedLookup::Found(Err(DirectoryError::UnknownNode(id.as_str().into())))
                    }
                    NodeLocation::NotCached => CachedLookup::NotCached,
                }
            }
            Target::Node(IdParam::Malformed { text, .. }) => {
                match (region, spelling, self.nodes().match_name(text, spelling)) {
                    (None, NameMatch::Prefix, NodeMatch::Several(count)) => {
                        let written = text.clone();
                        CachedLookup::Found(Err(DirectoryError::AmbiguousNode { written, count }))
                    }
                    _ => CachedLookup::NotCached,
                }
            }
            Target::Leader | Target::Server(_) => self.find_server(target, region, spelling),
            Target::Allocation(written) => self.cached_allocation_location(written, region),
        }
    }

    fn find_server(
        &self,
        target: &Target,
        region: Option<&Region>,
        spelling: NameMatch,
    ) -> CachedLookup {
        let servers = self.servers();
        // While the members are not known the caller may know them.
        if servers.members.is_none() {
            return CachedLookup::NotCached;
        }
        let is_foreign = region.is_some_and(|region| *region != servers.region);
        match target {
            Target::Leader if is_foreign => CachedLookup::NotCached,
            Target::Server(written) => {
                let region = region.unwrap_or(&servers.region);
                CachedLookup::Found(self.server_location(&servers, written, region, spelling))
            }
            _ => CachedLookup::Found(self.leader_location(&servers)),
        }
    }

    /// The region that the caller means, who means the own one by naming none.
    pub(super) fn region_or_own(&self, named: Option<&Region>) -> Region {
        let own = || {
            let servers = self.servers.read().unwrap_or_else(PoisonError::into_inner);
            servers.region.clone()
        };
        named.map_or_else(own, Region::clone)
    }

    /// Whether it is the region of the servers that are asked.
    pub(super) fn is_own_region(&self, region: &Region) -> bool {
        self.servers.read().unwrap_or_else(PoisonError::into_inner).region == *region
    }

    /// Whether the list of nodes tells of this region.
    pub(super) fn is_watched_region(&self, region: &Region) -> bool {
        self.is_watched.load(Ordering::Relaxed) && self.is_own_region(region)
    }

    /// No agent is named: any server, and in turn, so that their connections are used alike.
    pub(super) fn any_server(&self) -> Result<Location, DirectoryError> {
        let servers = self.servers();
        let mut turn = self.api.rotated(&servers.candidates(&servers.region)).into_iter();
        let agent = turn.next().ok_or(DirectoryError::NoServers)?;
        Ok(Location {
            agent,
            subject: Subject::Agent,
            fallbacks: turn.collect(),
            via: Via::Direct,
            region: RegionScope::Own,
        })
    }

    /// The one server there is: what changes one server alone is sent to none that was not meant.
    fn sole_server(&self) -> Result<Location, DirectoryError> {
        let servers = self.servers();
        let known = servers.members.as_ref().map(|_| servers.in_region(&servers.region).count());
        if known.unwrap_or(servers.seeds.len()) > 1 {
            return Err(DirectoryError::SeveralServers);
        }
        self.any_server()
    }

    /// A node that is not asked itself: a server passes the call on, as far as servers do.
    pub(super) fn relay_to_node(
        &self,
        id: NodeId,
        subject: Subject,
        region: &Region,
    ) -> Result<Location, DirectoryError> {
        let place = self.relay(RelayTarget::Node(id), subject, region);
        place.ok_or(DirectoryError::NoPathToNode)
    }

    /// The agent itself, of this region, or a server while there is no way to it.
    pub(super) fn location(
        &self,
        agent: Arc<Agent>,
        subject: Subject,
        region: &Region,
    ) -> Location {
        if !self.api.health().may_connect(&agent) {
            let meant = RelayTarget::Agent(Arc::clone(&agent));
            if let Some(place) = self.relay(meant, subject.clone(), region) {
                return place;
            }
        }
        let region = self.scope(region);
        Location { agent, subject, fallbacks: Vec::new(), via: Via::Direct, region }
    }

    /// A region as rights know it.
    pub(super) fn scope(&self, region: &Region) -> RegionScope {
        if self.region_or_own(None) == *region {
            RegionScope::Own
        } else {
            RegionScope::Other(region.clone())
        }
    }

    /// Servers of a region that pass calls on, those that can be reached first.
    pub(super) fn relays(&self, region: &Region) -> Vec<Arc<Agent>> {
        self.api.rotated(&self.servers().candidates(region))
    }

    /// A server that passes the call on to an agent of this region.
    pub(super) fn relay(
        &self,
        meant: RelayTarget,
        subject: Subject,
        region: &Region,
    ) -> Option<Location> {
        let mut relays = self.relays(region);
        if let RelayTarget::Agent(meant) = &meant {
            relays.retain(|relay| !relay.is_same(meant));
        }
        let mut relays = relays.into_iter();
        let agent = relays.next()?;
        let (others, region) = (relays.collect(), self.scope(region));
        Some(Location { agent, subject, fallbacks: others, via: Via::Relay(meant), region })
    }

    pub(super) fn leader_location(&self, servers: &Servers) -> Result<Location, DirectoryError> {
        if servers.members.is_none() {
            return self.relay_to_server(servers, &servers.region, "leader", RelayTarget::Unknown);
        }
        let member = servers.leader().ok_or(DirectoryError::NoLeader)?;
        self.member_location(servers, member, RelayTarget::Unknown)
    }

    pub(super) fn server_location(
        &self,
        servers: &Servers,
        written: &str,
        region: &Region,
        spelling: NameMatch,
    ) -> Result<Location, DirectoryError> {
        if !servers.has_region(region) {
            return Err(DirectoryError::UnknownRegion);
        }
        if servers.members.is_none() {
            return self.relay_to_server(servers, region, written, RelayTarget::Unknown);
        }
        let member = servers.find(written, region, spelling);
        let member = member.ok_or_else(|| DirectoryError::UnknownServer(written.into()))?;
        self.member_location(servers, member, RelayTarget::Server(member.name.clone()))
    }

    /// The place of a live server, whose HTTP address may not be known.
    pub(super) fn member_location(
        &self,
        servers: &Servers,
        member: &Member,
        unseen: RelayTarget,
    ) -> Result<Location, DirectoryError> {
        match &member.agent {
            Some(agent) => Ok(self.location(Arc::clone(agent), Subject::Agent, &member.region)),
            None => self.relay_to_server(servers, &member.region, &member.name, unseen),
        }
    }

    /// A server passes the call on. Never a client agent: it would answer about itself.
    fn relay_to_server(
        &self,
        servers: &Servers,
        region: &Region,
        written: &str,
        meant: RelayTarget,
    ) -> Result<Location, DirectoryError> {
        let has_servers = servers.are_seeds_servers || servers.verified_agents().next().is_some();
        let relayed = self.relay(meant, Subject::Agent, region);
        relayed
            .filter(|_| has_servers)
            .ok_or_else(|| DirectoryError::NoPathToServer(written.into()))
    }

    fn cached_allocation_location(
        &self,
        written: &IdParam<AllocId>,
        region: Option<&Region>,
    ) -> CachedLookup {
        let id = match written {
            IdParam::Valid(id) => id,
            IdParam::Malformed { text, reason: IdError::TooManyDigits } => {
                return CachedLookup::Found(Err(DirectoryError::UnknownAllocation(text.clone())));
            }
            IdParam::Malformed { reason, .. } => {
                return CachedLookup::Found(Err(DirectoryError::AllocLookup(reason.clone())));
            }
        };
        let home = self.region_or_own(region);
        if self.cache.is_unknown(&home, id.as_bytes()) {
            return CachedLookup::Found(Err(DirectoryError::UnknownAllocation(id.as_str().into())));
        }
        let Some(Allocation { node, namespace }) = self.cache.allocation(&home, id) else {
            return CachedLookup::NotCached;
        };
        match self.cached_node_location(&home, &node) {
            NodeLocation::At(agent) => {
                CachedLookup::Found(Ok(self.location(agent, Subject::Namespace(namespace), &home)))
            }
            NodeLocation::NoPath(_) => {
                CachedLookup::Found(self.relay_to_node(node, Subject::Namespace(namespace), &home))
            }
            NodeLocation::NotCached => CachedLookup::NotCached,
        }
    }
}
