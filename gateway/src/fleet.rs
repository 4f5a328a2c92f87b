//! The embedded fleet: reference agents in this process, each on a loopback port of its own.
//!
//! Requests really cross sockets: an agent is reached only through its port, by the gateway and by anybody else.

mod demo;
mod options;
mod tokens;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use nomad_agent::{Agent, AgentConfig, Membership as _, Role, Roster, standalone};
use nomad_forward::{Agent as Entry, Table};
use nomad_wire::{AllocId, Region};
use tokio::task::JoinSet;
use tracing::instrument::WithSubscriber as _;

pub use self::{
    demo::DEMO_TASK,
    options::FleetOptions,
    tokens::{Bootstrap, FleetTokens},
};
use crate::{StartError, Stop, listen::Listener};

/// A running fleet.
#[derive(Debug)]
pub struct Fleet {
    agents: Vec<FleetAgent>,
    roster: Arc<Roster>,
    table: Table,
    demo: AllocId,
    serving: JoinSet<()>,
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
    /// Starts the agents and the demo allocation.
    ///
    /// # Errors
    /// [`StartError`]; what was started before is gone then.
    pub async fn start(options: &FleetOptions, stop: &Stop) -> Result<Self, StartError> {
        let roster = Arc::new(Roster::new());
        let mut agents = Vec::new();
        let mut serving = JoinSet::new();
        for (name, role) in options.names() {
            let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
            let address = listener.address();
            let agent = start_agent(options, &name, role, address, &roster).await?;
            let dispatch = agent.dispatch().clone();
            let served =
                listener.serve(standalone(agent.clone(), options.tokens.clone()), stop.clone());
            serving.spawn(served.with_subscriber(dispatch));
            agents.push(FleetAgent { agent, address });
        }
        let table = directory(&agents, &roster)?;
        let demo = demo::start(&agents, &table)?;
        Ok(Self { agents, roster, table, demo, serving })
    }

    /// Where the gateway finds everything.
    #[must_use]
    pub const fn directory(&self) -> &Table {
        &self.table
    }

    /// The agents: servers first, each kind in the order of its numbers.
    #[must_use]
    pub fn agents(&self) -> &[FleetAgent] {
        &self.agents
    }

    /// The full name of the leader.
    #[must_use]
    pub fn leader(&self) -> Option<String> {
        leader(&self.roster)
    }

    /// The allocation that runs on the first client.
    #[must_use]
    pub const fn demo_allocation(&self) -> AllocId {
        self.demo
    }

    /// Ends every task and waits until no process and no connection is left. The end must have been announced.
    pub async fn stopped(mut self) {
        for FleetAgent { agent, .. } in &self.agents {
            if let Some(allocations) = agent.allocations() {
                allocations.stop_all().await;
            }
        }
        while self.serving.join_next().await.is_some() {}
    }
}

async fn start_agent(
    options: &FleetOptions,
    name: &str,
    role: Role,
    address: SocketAddr,
    roster: &Arc<Roster>,
) -> Result<Agent, StartError> {
    let data_dir: PathBuf = options.data_dir.join(name);
    let config = AgentConfig {
        http: address,
        // Nothing but HTTP is spoken here, so the address that members show is the one that answers.
        rpc: address,
        serf: address,
        data_dir: Some(data_dir),
        enable_debug: true,
        acl_enabled: options.tokens.are_enabled(),
        log_level: options.log_level,
        ..AgentConfig::new(name, role)
    };
    let builder = Agent::builder(config).membership(Arc::clone(roster) as _);
    let builder = match &options.outlet {
        Some(outlet) => builder.outlet(Arc::clone(outlet)),
        None => builder,
    };
    let started = builder.start().await;
    let agent = started.map_err(|source| StartError::Agent { name: name.to_owned(), source })?;
    if let Some(member) = agent.member() {
        roster.join(member);
    }
    Ok(agent)
}

fn leader(roster: &Roster) -> Option<String> {
    roster.leader(Region::default().as_str()).map(|member| member.serf_name())
}

fn directory(agents: &[FleetAgent], roster: &Arc<Roster>) -> Result<Table, StartError> {
    let roster = Arc::clone(roster);
    let mut table = Table::builder(Region::default()).leader(move || leader(&roster));
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
