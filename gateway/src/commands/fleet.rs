//! The embedded fleet: reference agents in this process, each on loopback ports of its own.
//!
//! Requests really cross sockets: an agent is reached only through its port, by the gateway and by anybody else. The
//! servers gossip as if they stood far apart, and the clients ask them who is there.

mod demo;
mod options;
mod start;
mod tokens;

use std::{net::SocketAddr, sync::Arc};

use nomad_agent::{Agent, Gossip, Membership as _};
use nomad_forward::{Agent as Entry, StaticDirectory};
use nomad_wire::{AllocId, Region};
use tokio::task::JoinSet;

pub use self::{
    demo::DEMO_TASK,
    options::FleetOptions,
    tokens::{Bootstrap, FleetTokens},
};
use crate::{Shutdown, StartError};

/// A running fleet.
#[derive(Debug)]
pub struct Fleet {
    agents: Vec<FleetAgent>,
    gossips: Vec<Arc<Gossip>>,
    directory: StaticDirectory,
    demo_allocation: AllocId,
    serve_tasks: JoinSet<()>,
}

/// One agent of the fleet.
#[derive(Debug, Clone)]
pub struct FleetAgent {
    /// The agent itself.
    pub agent: Agent,
    /// Where its HTTP API listens.
    pub address: SocketAddr,
}

impl Fleet {
    /// Starts the agents and the demo allocation. Every server knows every other one when it returns.
    ///
    /// # Errors
    /// [`StartError`]; what was started before is gone then.
    pub async fn start(options: &FleetOptions, stop: &Shutdown) -> Result<Self, StartError> {
        let start::StartedFleet { agents, gossips, serve_tasks: serving } =
            start::start_agents(options, stop).await?;
        let table = build_directory(&agents, &gossips)?;
        let demo = demo::start(&agents, &table).await?;
        Ok(Self { agents, gossips, directory: table, demo_allocation: demo, serve_tasks: serving })
    }

    /// Where the gateway finds everything.
    #[must_use]
    pub const fn directory(&self) -> &StaticDirectory {
        &self.directory
    }

    /// The agents: servers first, each kind in the order of its numbers.
    #[must_use]
    pub fn agents(&self) -> &[FleetAgent] {
        &self.agents
    }

    /// The full name of the leader.
    #[must_use]
    pub fn leader(&self) -> Option<String> {
        leader(&self.gossips)
    }

    /// The allocation that runs on the first client.
    #[must_use]
    pub const fn demo_allocation(&self) -> AllocId {
        self.demo_allocation
    }

    /// Ends every task and waits until no process and no connection is left. The end must have been announced.
    pub async fn stop(mut self) {
        // Nobody is left to hear a goodbye, so none is said.
        let mut silenced: JoinSet<()> =
            self.gossips.into_iter().map(|gossip| async move { gossip.shutdown().await }).collect();
        for FleetAgent { agent, .. } in &self.agents {
            if let Some(allocations) = agent.allocations() {
                allocations.stop_all().await;
            }
        }
        while self.serve_tasks.join_next().await.is_some() {}
        while silenced.join_next().await.is_some() {}
    }
}

/// The leader in the eyes of the first server that knows one.
fn leader(gossips: &[Arc<Gossip>]) -> Option<String> {
    let region = Region::default();
    gossips.iter().find_map(|gossip| Some(gossip.leader(region.as_str())?.serf_name()))
}

fn build_directory(
    agents: &[FleetAgent],
    gossips: &[Arc<Gossip>],
) -> Result<StaticDirectory, StartError> {
    let gossips = gossips.to_vec();
    let mut table = StaticDirectory::builder(Region::default()).leader(move || leader(&gossips));
    for FleetAgent { agent, address } in agents {
        let name = &agent.config().name;
        let region = Region::new(&agent.config().region);
        let entry = match (agent.server_id(), agent.node_id()) {
            (Some(id), _) => Entry::server(name, id, region, *address),
            (None, Some(id)) => Entry::client(name, id, region, *address),
            (None, None) => continue,
        };
        let entry = entry.map_err(|source| StartError::Name { name: name.clone(), source })?;
        table = table.agent(entry);
    }
    Ok(table.build())
}
