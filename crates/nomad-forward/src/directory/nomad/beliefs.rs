//! What is believed about every agent, for people.

use std::sync::Arc;

use nomad_wire::Region;

use super::{
    Shared,
    index::{Status, Stub},
    nodes::Now,
    servers::{Member, Servers},
};
use crate::{
    Agent, Identity,
    connect::Connect,
    directory::{Belief, Standing},
};

impl<C: Connect> Shared<C> {
    /// Servers first, then nodes.
    pub(super) fn beliefs(&self) -> Vec<Belief> {
        let (servers, nodes) = (self.servers(), self.nodes());
        let mut beliefs = self.of_servers(&servers);
        beliefs.extend(nodes.all().map(|node| self.of_node(&servers.region, node)));
        let listed = |agent: &&Arc<Agent>| matches!(agent.identity(), Identity::Client(id) if nodes.find(&id).is_some());
        let only_written = self.options.nodes.iter().filter(|agent| !listed(agent));
        beliefs
            .extend(only_written.map(|agent| self.of_agent(agent, "written in the configuration")));
        beliefs
    }

    fn of_servers(&self, servers: &Servers) -> Vec<Belief> {
        match &servers.members {
            Some(members) => members.iter().map(|member| self.of_member(member)).collect(),
            None => {
                let why = "written in the configuration; the members are not known";
                servers.seeds.iter().map(|seed| self.of_agent(seed, why)).collect()
            }
        }
    }

    fn of_member(&self, member: &Member) -> Belief {
        match &member.agent {
            Some(agent) => self.of_agent(agent, "a live member whose HTTP address was verified"),
            None => Belief {
                name: member.name.clone(),
                id: member.id.map(|id| id.as_str().into()),
                is_server: true,
                agent: None,
                standing: Standing::Relayed,
                why: format!(
                    "a live member at {}; no HTTP address of it was verified",
                    member.host
                )
                .into(),
            },
        }
    }

    fn of_node(&self, region: &Region, node: &Stub) -> Belief {
        let state = if node.status == Status::Ready { "ready" } else { "not ready" };
        let (standing, why) = match self.known(region, &node.id) {
            Now::At(agent) => {
                return self.of_agent(&agent, &format!("the list of nodes says {state}"));
            }
            Now::NoPath(reason) => (Standing::Relayed, reason.why().into()),
            Now::Ask => {
                let why = format!("the list of nodes says {state}; nobody has asked for it");
                (Standing::Unasked, why.into())
            }
        };
        let (name, id) = (node.name.clone(), Some(node.id.as_str().into()));
        Belief { name, id, is_server: false, agent: None, standing, why }
    }

    /// An agent with an address: whether it is asked depends on the last attempts.
    fn of_agent(&self, agent: &Arc<Agent>, source: &str) -> Belief {
        if self.api.reach().is_lost(agent) {
            let standing = if agent.is_server() { Standing::Avoided } else { Standing::Relayed };
            let why = format!("{source}; the last connection to it failed");
            return Belief::new(Arc::clone(agent), standing, why);
        }
        Belief::new(Arc::clone(agent), Standing::Direct, source)
    }
}
