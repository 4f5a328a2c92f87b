//! Calls that name no agent, and that only a client agent answers.

use std::sync::{Arc, atomic::Ordering};

use nomad_acl::{RegionScope, Subject};
use nomad_wire::{NodeId, Region};

use super::{
    Shared,
    api_request::LookupTokens,
    node_index::{NodeIndex, NodeStatus},
};
use crate::{
    Agent, AgentId,
    connect::Connect,
    directory::{DirectoryError, Location, Via},
};

/// How many client agents are looked for when any of them will do: one that cannot be reached has somebody to stand in.
const MAX_CLIENTS_TRIED: usize = 3;

impl<C: Connect> Shared<C> {
    /// Some client agent that should answer, and others that stand in for it. Where none is known a server is asked, and
    /// its answer passes.
    pub(super) async fn any_client(&self, who: &LookupTokens) -> Result<Location, DirectoryError> {
        let nodes = self.own_nodes(who).await;
        let ready = nodes.iter().flat_map(|nodes| nodes.ready()).map(|node| node.id);
        let mut clients = self.look_up_nodes(ready.take(MAX_CLIENTS_TRIED).collect(), who).await;
        clients.extend(self.configured_clients().next().and_then(|id| self.cache.configured(&id)));
        clients.sort_by_cached_key(|agent| !self.api.health().may_connect(agent));
        let mut clients = clients.into_iter();
        match clients.next() {
            Some(agent) => Ok(Location {
                agent,
                subject: Subject::Agent,
                fallbacks: clients.collect(),
                via: Via::Direct,
                region: RegionScope::Own,
            }),
            None => self.any_server(),
        }
    }

    /// The one client agent there is: what changes something is sent to nobody who was not meant.
    pub(super) async fn sole_client(&self, who: &LookupTokens) -> Result<Location, DirectoryError> {
        let nodes = self.own_nodes(who).await;
        let listed = nodes.iter().flat_map(|nodes| nodes.all());
        let mut ids: Vec<NodeId> =
            listed.filter(|node| node.status != NodeStatus::Down).map(|node| node.id).collect();
        ids.extend(self.configured_clients());
        ids.sort_unstable();
        ids.dedup();
        match ids.len() {
            0 => self.any_server(),
            1 => match self.look_up_nodes(ids, who).await.pop() {
                Some(agent) => Ok(self.location(agent, Subject::Agent, &self.region_or_own(None))),
                None => Err(DirectoryError::NoPathToNode),
            },
            _ => Err(DirectoryError::SeveralClients),
        }
    }

    /// The nodes of the own region; nothing when neither the gateway nor the caller may list them.
    async fn own_nodes(&self, who: &LookupTokens) -> Option<Arc<NodeIndex>> {
        if self.is_watched.load(Ordering::Relaxed) {
            return Some(self.nodes());
        }
        let own = self.region_or_own(None);
        self.list_nodes("/v1/nodes", &own, who).await.ok().map(Arc::new)
    }

    fn configured_clients(&self) -> impl Iterator<Item = NodeId> {
        self.options.nodes.iter().filter_map(|agent| match agent.id() {
            AgentId::Client(id) => Some(id),
            AgentId::Server(_) | AgentId::Seed => None,
        })
    }

    async fn look_up_nodes(&self, ids: Vec<NodeId>, who: &LookupTokens) -> Vec<Arc<Agent>> {
        let own: Region = self.region_or_own(None);
        let mut agents = Vec::with_capacity(ids.len());
        for id in &ids {
            agents.extend(self.look_up_node(id, &own, who).await.ok());
        }
        agents
    }
}
