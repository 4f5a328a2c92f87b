//! What the gateway believes about each agent, for `/v1/gateway/fleet`.

use std::sync::Arc;

use nomad_wire::Region;

use super::{
    Shared,
    node_index::{NodeEntry, NodeStatus},
    nodes::NodeLocation,
    servers::{Member, Servers},
};
use crate::{
    Agent, AgentId,
    connect::Connect,
    directory::{AgentHealth, HealthState},
};

impl<C: Connect> Shared<C> {
    /// Servers first, then nodes.
    pub(super) fn all_health(&self) -> Vec<AgentHealth> {
        let (servers, nodes) = (self.servers(), self.nodes());
        let mut beliefs = self.servers_health(&servers);
        beliefs.extend(nodes.all().map(|node| self.node_health(&servers.region, node)));
        let listed = |agent: &&Arc<Agent>| matches!(agent.id(), AgentId::Client(id) if nodes.find(&id).is_some());
        let only_written = self.options.nodes.iter().filter(|agent| !listed(agent));
        beliefs.extend(
            only_written.map(|agent| self.agent_health(agent, "written in the configuration")),
        );
        beliefs
    }

    fn servers_health(&self, servers: &Servers) -> Vec<AgentHealth> {
        match &servers.members {
            Some(members) => members.iter().map(|member| self.member_health(member)).collect(),
            None => {
                let why = "written in the configuration; the members are not known";
                servers.seeds.iter().map(|seed| self.agent_health(seed, why)).collect()
            }
        }
    }

    fn member_health(&self, member: &Member) -> AgentHealth {
        match &member.agent {
            Some(agent) => {
                self.agent_health(agent, "a live member whose HTTP address was verified")
            }
            None => AgentHealth {
                name: member.name.clone(),
                id: member.id.map(|id| id.as_str().into()),
                is_server: true,
                agent: None,
                state: HealthState::Relayed,
                reason: format!(
                    "a live member at {}; no HTTP address of it was verified",
                    member.host
                )
                .into(),
            },
        }
    }

    fn node_health(&self, region: &Region, node: &NodeEntry) -> AgentHealth {
        let state = if node.status == NodeStatus::Ready { "ready" } else { "not ready" };
        let (standing, why) = match self.cached_node_location(region, &node.id) {
            NodeLocation::At(agent) => {
                return self.agent_health(&agent, &format!("the list of nodes says {state}"));
            }
            NodeLocation::NoPath(reason) => (HealthState::Relayed, reason.reason().into()),
            NodeLocation::NotCached => {
                let why = format!("the list of nodes says {state}; nobody has asked for it");
                (HealthState::Unknown, why.into())
            }
        };
        let (name, id) = (node.name.clone(), Some(node.id.as_str().into()));
        AgentHealth { name, id, is_server: false, agent: None, state: standing, reason: why }
    }

    /// An agent with an address: whether it is asked depends on the last attempts.
    fn agent_health(&self, agent: &Arc<Agent>, source: &str) -> AgentHealth {
        if self.api.health().is_unreachable(agent) {
            let standing =
                if agent.is_server() { HealthState::Avoided } else { HealthState::Relayed };
            let why = format!("{source}; the last connection to it failed");
            return AgentHealth::new(Arc::clone(agent), standing, why);
        }
        AgentHealth::new(Arc::clone(agent), HealthState::Direct, source)
    }
}
