//! A fleet like the recorded one: three servers, two clients, and a third client that is gone.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use nomad_acl::tokens::TokenTable;
use nomad_agent::{Agent, AgentConfig, AllocSpec, Membership as _, Role, Roster, standalone};
use nomad_forward::{Agent as Entry, StaticDirectory};
use nomad_gateway::{
    Gateway, Shutdown, ShutdownController, SystemClock, fleet::FleetTokens, listener::Listener,
};
use nomad_wire::{AllocId, Namespace, NodeId, Region};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{
    calls, policies,
    recorded::Names,
    tasks::{JOBS, Job},
};

const AGENTS: [(&str, Role); 5] = [
    ("server1", Role::Server),
    ("server2", Role::Server),
    ("server3", Role::Server),
    ("client1", Role::Client),
    ("client2", Role::Client),
];

pub(super) struct ReplayCluster {
    pub(super) names: Names,
    pub(super) gateway: SocketAddr,
    pub(super) agents: BTreeMap<String, (Agent, SocketAddr)>,
    pub(super) data: TempDir,
    controller: ShutdownController,
    poke_task: JoinHandle<()>,
}

/// How often every agent gets a request without effect, so that its log has lines, as when the responses were
/// recorded.
const POKE_INTERVAL: Duration = Duration::from_millis(150);

impl ReplayCluster {
    pub(super) async fn start(names: Names) -> Self {
        let data = tempfile::tempdir().unwrap();
        let stopper = ShutdownController::new(Duration::ZERO);
        let tokens = if names.cluster == "acl" {
            let table = TokenTable::from_json(&policies::table(&names), SystemClock::start());
            FleetTokens::Enabled(table.unwrap())
        } else {
            FleetTokens::Disabled
        };
        let roster = Arc::new(Roster::new());
        let mut agents = BTreeMap::new();
        for (name, role) in AGENTS {
            keep_id(data.path(), name, &names);
            let stop = stopper.subscribe();
            let start = start_agent(data.path(), name, role, &roster, (&tokens, &stop));
            agents.insert(name.to_owned(), start.await);
        }
        let table = directory(&agents, &roster, &names).await;
        for job in &JOBS {
            start_job(job, &agents[job.client].0, &table, &names).await;
        }
        let node = |symbol: &str| names.id(symbol).parse::<NodeId>().unwrap();
        for (symbol, owner) in [("alloc_gcd", "node1"), ("alloc_ghost", "node3_down")] {
            let id: AllocId = names.id(symbol).parse().unwrap();
            table.insert_allocation(id, node(owner), Namespace::default());
        }
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let gateway = listener.address();
        tokio::spawn(Gateway::new(table, tokens).serve(listener, stopper.subscribe()));
        let poking =
            tokio::spawn(poke_agents(agents.values().map(|(_, address)| *address).collect()));
        Self { names, gateway, agents, data, controller: stopper, poke_task: poking }
    }

    /// The address of an agent.
    pub(super) fn address(&self, agent: &str) -> SocketAddr {
        self.agents[agent].1
    }
}

async fn poke_agents(agents: Vec<SocketAddr>) {
    let mut beat = tokio::time::interval(POKE_INTERVAL);
    loop {
        beat.tick().await;
        for agent in &agents {
            calls::send_health_check(*agent).await;
        }
    }
}

/// A client finds its earlier id.
fn keep_id(data: &Path, name: &str, names: &Names) {
    let symbol = match name {
        "client1" => "node1",
        "client2" => "node2",
        _ => return,
    };
    let dir = data.join(name).join("data/client");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("client-id"), names.id(symbol)).unwrap();
}

async fn start_agent(
    data: &Path,
    name: &str,
    role: Role,
    roster: &Arc<Roster>,
    (tokens, stop): (&FleetTokens, &Shutdown),
) -> (Agent, SocketAddr) {
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.address();
    let config = AgentConfig {
        http: address,
        rpc: address,
        serf: address,
        data_dir: Some(data.join(name).join("data")),
        acl_enabled: tokens.are_enabled(),
        ..AgentConfig::new(name, role)
    };
    let agent = Agent::builder(config).membership(Arc::clone(roster) as _).start().await.unwrap();
    if let Some(member) = agent.member() {
        roster.insert(member);
    }
    tokio::spawn(listener.serve(standalone(agent.clone(), tokens.clone()), stop.clone()));
    (agent, address)
}

async fn directory(
    agents: &BTreeMap<String, (Agent, SocketAddr)>,
    roster: &Arc<Roster>,
    names: &Names,
) -> StaticDirectory {
    let region = Region::default;
    let roster = Arc::clone(roster);
    let leader = move || roster.leader("global").map(|member| member.serf_name());
    let mut table = StaticDirectory::builder(region()).leader(leader);
    for (name, (agent, address)) in agents {
        let entry = match (agent.server_id(), agent.node_id()) {
            (Some(id), _) => Entry::server(name, id, region(), *address),
            (None, id) => Entry::client(name, id.unwrap(), region(), *address),
        };
        table = table.agent(entry.unwrap());
    }
    // Nothing listens there any more.
    let gone = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap().address();
    let id: NodeId = names.id("node3_down").parse().unwrap();
    table.agent(Entry::client("client3", id, region(), gone).unwrap()).build()
}

async fn start_job(job: &Job, agent: &Agent, table: &StaticDirectory, names: &Names) {
    let id: AllocId = names.id(job.symbol).parse().unwrap();
    let namespace = Namespace::new(job.namespace());
    let spec = AllocSpec {
        id,
        namespace: namespace.clone(),
        job: job.name().to_owned(),
        group: "g".to_owned(),
        tasks: job.specs(),
    };
    agent.run(spec).unwrap();
    table.insert_allocation(id, agent.node_id().unwrap(), namespace);
    let alloc_dir = agent.config().data_dir.as_ref().unwrap().join("alloc");
    let logs = alloc_dir.join(id.to_string()).join("alloc/logs");
    for (log, size) in job.expected_logs {
        let written = || std::fs::metadata(logs.join(log)).map_or(0, |file| file.len());
        while written() < *size {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for ReplayCluster {
    fn drop(&mut self) {
        self.poke_task.abort();
        self.controller.start_drain();
    }
}
