//! Calls that name no agent, and that only a client agent answers.

use std::sync::{Arc, atomic::Ordering};

use nomad_acl::{RegionScope, Subject};
use nomad_wire::{NodeId, Region};

use super::{
    Shared,
    index::{NodeIndex, Status},
    question::Who,
};
use crate::{
    Agent, Identity,
    connect::Connect,
    directory::{LocateError, Place, Way},
};

/// How many client agents are looked for when any of them will do: one that cannot be reached has somebody to stand in.
const CLIENTS_TRIED: usize = 3;

impl<C: Connect> Shared<C> {
    /// Some client agent that should answer, and others that stand in for it. Where none is known a server is asked, and
    /// its answer passes.
    pub(super) async fn any_client(&self, who: &Who) -> Result<Place, LocateError> {
        let nodes = self.own_nodes(who).await;
        let ready = nodes.iter().flat_map(|nodes| nodes.ready()).map(|node| node.id);
        let mut clients = self.agents_of(ready.take(CLIENTS_TRIED).collect(), who).await;
        clients.extend(self.fixed_clients().next().and_then(|id| self.memory.fixed(&id)));
        clients.sort_by_cached_key(|agent| !self.api.reach().is_open(agent));
        let mut clients = clients.into_iter();
        match clients.next() {
            Some(agent) => Ok(Place {
                agent,
                subject: Subject::Agent,
                others: clients.collect(),
                way: Way::Itself,
                region: RegionScope::Own,
            }),
            None => self.any_server(),
        }
    }

    /// The one client agent there is: what changes something is sent to nobody who was not meant.
    pub(super) async fn sole_client(&self, who: &Who) -> Result<Place, LocateError> {
        let nodes = self.own_nodes(who).await;
        let listed = nodes.iter().flat_map(|nodes| nodes.all());
        let mut ids: Vec<NodeId> =
            listed.filter(|node| node.status != Status::Lost).map(|node| node.id).collect();
        ids.extend(self.fixed_clients());
        ids.sort_unstable();
        ids.dedup();
        match ids.len() {
            0 => self.any_server(),
            1 => match self.agents_of(ids, who).await.pop() {
                Some(agent) => Ok(self.place(agent, Subject::Agent, &self.home(None))),
                None => Err(LocateError::NoPathToNode),
            },
            _ => Err(LocateError::SeveralClients),
        }
    }

    /// The nodes of the own region; nothing when neither the gateway nor the caller may list them.
    async fn own_nodes(&self, who: &Who) -> Option<Arc<NodeIndex>> {
        if self.is_watched.load(Ordering::Relaxed) {
            return Some(self.nodes());
        }
        let own = self.home(None);
        self.list_of("/v1/nodes", &own, who).await.ok().map(Arc::new)
    }

    fn fixed_clients(&self) -> impl Iterator<Item = NodeId> {
        self.options.nodes.iter().filter_map(|agent| match agent.identity() {
            Identity::Client(id) => Some(id),
            Identity::Server(_) | Identity::Seed => None,
        })
    }

    async fn agents_of(&self, ids: Vec<NodeId>, who: &Who) -> Vec<Arc<Agent>> {
        let own: Region = self.home(None);
        let mut agents = Vec::with_capacity(ids.len());
        for id in &ids {
            agents.extend(self.node(id, &own, who).await.ok());
        }
        agents
    }
}
