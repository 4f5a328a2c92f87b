//! The servers of all regions, as gossip and the configuration tell of them.

use std::{sync::Arc, time::Duration};

use nomad_wire::{Region, ServerId, agent};
use tokio::time::Instant;

use crate::{Agent, directory::NameMatch};

/// What is known of the servers at one moment.
#[derive(Debug, Clone)]
pub(super) struct Servers {
    /// The region that callers mean who name none.
    pub(super) region: Region,
    /// The gossip members; `None` while they may not be read.
    pub(super) members: Option<Vec<Member>>,
    /// When a caller's token told of the members, who hides them from the gateway's own.
    pub(super) client_lookup_at: Option<Instant>,
    /// Where the RPC is of who leads the own region.
    pub(super) leader_rpc: Option<Box<str>>,
    /// Addresses of servers from the configuration, for as long as nothing better is known.
    pub(super) seeds: Vec<Arc<Agent>>,
    /// Whether the seeds are servers. A client agent takes a call for a server for one about itself.
    pub(super) are_seeds_servers: bool,
    /// When that was found out.
    pub(super) seeds_checked_at: Option<Instant>,
}

/// A live server.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// `name.region`
    pub(super) name: Box<str>,
    pub(super) region: Region,
    pub(super) id: Option<ServerId>,
    /// Where its RPC is, as `/v1/status/leader` writes it: there the leader is found by.
    pub(super) rpc: [Box<str>; 2],
    /// The host of its RPC, where its HTTP API is likely to be.
    pub(super) host: Box<str>,
    /// Its agent, once its HTTP address was verified.
    pub(super) agent: Option<Arc<Agent>>,
}

impl Member {
    /// A member that is a live server.
    pub(super) fn from_gossip(member: &agent::Member) -> Option<Self> {
        if member.status != "alive" || member.tag("role") != Some("nomad") {
            return None;
        }
        let addr = member.addr.as_deref().unwrap_or_default();
        let host = member.tag("rpc_addr").unwrap_or(addr);
        let port = member.tag("port").unwrap_or_default();
        Some(Self {
            name: member.name.as_str().into(),
            region: Region::new(member.tag("region").unwrap_or_default()),
            id: member.tag("id").and_then(|id| id.parse().ok()),
            rpc: [host_port(addr, port), host_port(host, port)],
            host: host.into(),
            agent: None,
        })
    }

    /// Its name without the region.
    pub(super) fn bare_name(&self) -> &str {
        let bare = self.name.strip_suffix(self.region.as_str());
        bare.and_then(|bare| bare.strip_suffix('.')).unwrap_or(&self.name)
    }

    /// Whether a verified address of the one holds for the other as well.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.id == other.id && self.rpc == other.rpc
    }
}

fn host_port(host: &str, port: &str) -> Box<str> {
    if host.contains(':') {
        format!("[{host}]:{port}").into()
    } else {
        format!("{host}:{port}").into()
    }
}

impl Servers {
    /// Before anything was asked: the seeds.
    pub(super) fn from_seeds(region: Region, seeds: &[Arc<Agent>]) -> Self {
        Self {
            region,
            members: None,
            client_lookup_at: None,
            leader_rpc: None,
            seeds: seeds.to_vec(),
            are_seeds_servers: false,
            seeds_checked_at: None,
        }
    }

    pub(super) fn in_region<'a>(&'a self, region: &'a Region) -> impl Iterator<Item = &'a Member> {
        self.members.iter().flatten().filter(move |member| member.region == *region)
    }

    /// By full name, by id, or, where that will do, by the name without its region.
    pub(super) fn find(
        &self,
        written: &str,
        region: &Region,
        spelling: NameMatch,
    ) -> Option<&Member> {
        let mut in_region = self.members.iter().flatten().filter(|member| member.region == *region);
        in_region.find(|member| {
            *member.name == *written
                || (spelling == NameMatch::Prefix && member.bare_name() == written)
                || member.id.is_some_and(|id| id.as_str() == written)
        })
    }

    /// Who has its RPC at this address.
    pub(super) fn find_by_rpc<'a>(&'a self, region: &'a Region, rpc: &str) -> Option<&'a Member> {
        self.in_region(region).find(|member| member.rpc.iter().any(|known| **known == *rpc))
    }

    /// Who leads the own region.
    pub(super) fn leader(&self) -> Option<&Member> {
        self.find_by_rpc(&self.region, self.leader_rpc.as_deref()?)
    }

    /// Takes over the members of another moment while a caller's token that told of them is fresh.
    pub(super) fn keep_client_lookup(&mut self, current: &Self, fresh: Duration) {
        let is_fresh = current.client_lookup_at.is_some_and(|since| since.elapsed() < fresh);
        if self.members.is_none() && is_fresh {
            self.members.clone_from(&current.members);
            self.client_lookup_at = current.client_lookup_at;
            self.region = current.region.clone();
        }
    }

    /// Whether there is such a region, as far as is known.
    pub(super) fn has_region(&self, region: &Region) -> bool {
        *region == self.region || self.members.is_none() || self.in_region(region).next().is_some()
    }

    /// Servers with a verified address.
    pub(super) fn verified_agents(&self) -> impl Iterator<Item = &Arc<Agent>> {
        self.members.iter().flatten().filter_map(|member| member.agent.as_ref())
    }

    /// Servers that any call may go to: those of the region, else those of the own one, else the seeds.
    pub(super) fn candidates(&self, region: &Region) -> Vec<Arc<Agent>> {
        for region in [region, &self.region] {
            let agents = self.in_region(region).filter_map(|member| member.agent.clone());
            let agents: Vec<_> = agents.collect();
            if !agents.is_empty() {
                return agents;
            }
        }
        self.seeds.clone()
    }
}
