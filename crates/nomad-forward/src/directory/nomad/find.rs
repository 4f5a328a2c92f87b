//! Look-ups that nobody has to be asked for.

use std::sync::{Arc, PoisonError};

use nomad_acl::Subject;
use nomad_wire::{AllocId, IdError, Region, Written};

use super::{
    Shared,
    index::Like,
    memory::Allocation,
    servers::{Member, Servers},
};
use crate::{
    Agent, Target,
    directory::{LocateError, Meant, Place, Way},
};

/// What comes of a look-up at once.
pub(super) enum Step {
    Found(Result<Place, LocateError>),
    Ask,
}

impl<C: crate::connect::Connect> Shared<C> {
    pub(super) fn find(&self, target: &Target, region: Option<&Region>) -> Step {
        match target {
            Target::AnyServer => Step::Found(self.any_server()),
            Target::AnyClient => Step::Ask,
            Target::Node(Written::Id(id)) => {
                let home = self.home(region);
                match self.agent(&home, id) {
                    Some(agent) => Step::Found(Ok(self.place(agent, Subject::Agent))),
                    None if self.memory.is_unknown(&home, id.as_bytes()) => {
                        Step::Found(Err(LocateError::UnknownNode(id.as_str().into())))
                    }
                    None => Step::Ask,
                }
            }
            Target::Node(Written::Malformed { text, .. }) => {
                match (region, self.nodes().like(text)) {
                    (None, Like::Several(count)) => Step::Found(Err(LocateError::AmbiguousNode {
                        written: text.clone(),
                        count,
                    })),
                    _ => Step::Ask,
                }
            }
            Target::Leader => self.leader(region),
            Target::Server(written) => Step::Found(self.server(written, region)),
            Target::Allocation(written) => self.allocation(written, region),
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

    /// No agent is named: any server, and in turn, so that their connections are used alike.
    fn any_server(&self) -> Result<Place, LocateError> {
        let servers = self.servers();
        let mut turn = self.api.in_turn(&servers.any(&servers.region)).into_iter();
        let agent = turn.next().ok_or(LocateError::NoServers)?;
        Ok(Place { agent, subject: Subject::Agent, others: turn.collect(), way: Way::Itself })
    }

    /// The agent itself, or a server while there is no way to it.
    pub(super) fn place(&self, agent: Arc<Agent>, subject: Subject) -> Place {
        if !self.api.reach().is_open(&agent) {
            let region = agent.region().clone();
            let meant = Meant::Agent(Arc::clone(&agent));
            if let Some(place) = self.relayed(meant, subject.clone(), &region) {
                return place;
            }
        }
        Place { agent, subject, others: Vec::new(), way: Way::Itself }
    }

    /// Servers of a region that pass calls on, those that can be reached first.
    pub(super) fn relays(&self, region: &Region) -> Vec<Arc<Agent>> {
        self.api.in_turn(&self.servers().any(region))
    }

    /// A server that passes the call on.
    pub(super) fn relayed(&self, meant: Meant, subject: Subject, region: &Region) -> Option<Place> {
        let mut relays = self.relays(region);
        if let Meant::Agent(meant) = &meant {
            relays.retain(|relay| !relay.is_same(meant));
        }
        let mut relays = relays.into_iter();
        let agent = relays.next()?;
        Some(Place { agent, subject, others: relays.collect(), way: Way::Relay(meant) })
    }

    fn leader(&self, region: Option<&Region>) -> Step {
        let servers = self.servers();
        if region.is_some_and(|region| *region != servers.region) {
            return Step::Ask;
        }
        let Some(leader) = &servers.leader else {
            return match servers.members {
                Some(_) => Step::Found(Err(LocateError::NoLeader)),
                None => Step::Found(self.unseen_server(&servers, "leader", Meant::Unknown)),
            };
        };
        let found = servers.find(leader, &servers.region);
        Step::Found(found.map_or(Err(LocateError::NoLeader), |member| {
            self.member(&servers, member, Meant::Unknown)
        }))
    }

    fn server(&self, written: &str, region: Option<&Region>) -> Result<Place, LocateError> {
        let servers = self.servers();
        let region = region.unwrap_or(&servers.region);
        if !servers.knows(region) {
            return Err(LocateError::UnknownRegion);
        }
        if servers.members.is_none() {
            return self.unseen_server(&servers, written, Meant::Unknown);
        }
        let member = servers.find(written, region);
        let member = member.ok_or_else(|| LocateError::UnknownServer(written.into()))?;
        self.member(&servers, member, Meant::Server(member.name.clone()))
    }

    /// The place of a live server, whose HTTP address may not be known.
    pub(super) fn member(
        &self,
        servers: &Servers,
        member: &Member,
        unseen: Meant,
    ) -> Result<Place, LocateError> {
        match &member.agent {
            Some(agent) => Ok(self.place(Arc::clone(agent), Subject::Agent)),
            None => self.unseen_server(servers, &member.name, unseen),
        }
    }

    /// A server passes the call on. Never a client agent: it would answer about itself.
    fn unseen_server(
        &self,
        servers: &Servers,
        written: &str,
        meant: Meant,
    ) -> Result<Place, LocateError> {
        let has_servers = servers.are_seeds_servers || servers.verified().next().is_some();
        let relayed = self.relayed(meant, Subject::Agent, &servers.region);
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
        match self.agent(&home, &node) {
            Some(agent) => Step::Found(Ok(self.place(agent, Subject::Namespace(namespace)))),
            None => Step::Ask,
        }
    }
}
