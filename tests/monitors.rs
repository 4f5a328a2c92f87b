//! A monitor through the gateway is the live log of the named agent, for every way Nomad has to name one.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use nomad_acl::AclDisabled;
use nomad_agent::{Agent, AgentConfig, Role, Roster, standalone};
use nomad_forward::StaticDirectory;
use nomad_gateway::{Gateway, ShutdownController, listener::Listener};
use nomad_wire::Region;
use tokio::{task::JoinSet, time::timeout};

use crate::support::{Stream, get};

/// Two servers and a client with one gateway in front; no agent here relays anything.
struct TestAgents {
    gateway: SocketAddr,
    agents: Vec<Agent>,
    _serving: JoinSet<()>,
    _stopper: ShutdownController,
}

async fn serve(
    agent: &Agent,
    stopper: &ShutdownController,
    serving: &mut JoinSet<()>,
) -> SocketAddr {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.address();
    serving.spawn(listener.serve(standalone(agent.clone(), AclDisabled), stopper.subscribe()));
    address
}

impl TestAgents {
    async fn start() -> Self {
        let (stopper, mut tasks) = (ShutdownController::new(Duration::ZERO), JoinSet::new());
        let mut table = StaticDirectory::builder(Region::default());
        let (roster, mut agents) = (Arc::new(Roster::new()), Vec::new());
        // The first server, which is not the leader, gets requests without a target.
        for (name, role) in
            [("server2", Role::Server), ("server1", Role::Server), ("client1", Role::Client)]
        {
            let config = AgentConfig::new(name, role);
            let known: Arc<Roster> = Arc::clone(&roster);
            let agent = Agent::builder(config).membership(known).start().await.unwrap();
            if let Some(member) = agent.member() {
                roster.insert(member);
            }
            let address = serve(&agent, &stopper, &mut tasks).await;
            let region = Region::default();
            let entry = match (agent.server_id(), agent.node_id()) {
                (Some(id), _) => nomad_forward::Agent::server(name, id, region, address),
                (None, id) => nomad_forward::Agent::client(name, id.unwrap(), region, address),
            };
            table = table.agent(entry.unwrap());
            agents.push(agent);
        }
        let directory = table.leader(|| Some("server1.global".to_owned())).build();
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let gateway = listener.address();
        tasks.spawn(Gateway::new(directory, AclDisabled).serve(listener, stopper.subscribe()));
        Self { gateway, agents, _serving: tasks, _stopper: stopper }
    }

    /// Opens a monitor, lets every agent log its name, and returns the first line.
    async fn first_line(&self, query: &str) -> String {
        let path = format!("/v1/agent/monitor?plain=true&log_level=debug&{query}");
        let spoken = async {
            while self.agents.iter().all(|agent| agent.log().receiver_count() == 0) {
                tokio::task::yield_now().await;
            }
            for agent in &self.agents {
                let config = agent.config();
                tracing::dispatcher::with_default(agent.dispatch(), || {
                    tracing::debug!(target: "http", "{} speaks", config.name);
                });
            }
        };
        let opened = async { tokio::join!(Stream::open(self.gateway, &path), spoken) };
        let (mut stream, ()) = timeout(Duration::from_secs(20), opened).await.expect(query);
        assert_eq!(stream.status, 200, "{query}");
        let seen = stream.read_until(|seen| seen.contains(" speaks\n")).await;
        drop(stream);
        while self.agents.iter().any(|agent| agent.log().receiver_count() > 0) {
            tokio::task::yield_now().await;
        }
        let line = seen.lines().find(|line| line.ends_with(" speaks")).unwrap();
        line.split_once("[DEBUG] http: ").unwrap().1.trim_end_matches(" speaks").to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_of_an_agent_leads_to_its_log() {
    let row = TestAgents::start().await;
    let [server2, server1, client1] = row.agents.as_slice() else { unreachable!() };
    let id = server2.server_id().unwrap();
    let node = client1.node_id().unwrap();
    for (query, agent) in [
        (String::new(), "server2"),
        ("server_id=leader".to_owned(), "server1"),
        ("server_id=server2.global".to_owned(), "server2"),
        (format!("server_id={id}"), "server2"),
        ("server_id=server1.global".to_owned(), "server1"),
        (format!("server_id={}", server1.server_id().unwrap()), "server1"),
        (format!("node_id={node}"), "client1"),
    ] {
        assert_eq!(row.first_line(&query).await, agent, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_lead_nowhere_are_told() {
    let row = TestAgents::start().await;
    for (query, status, text) in [
        ("server_id=server1.global&region=mars", 400, "No path to region"),
        ("server_id=server1.mars", 400, "unknown Nomad server server1.mars"),
        ("server_id=a&node_id=b", 400, "Cannot target node and server simultaneously"),
    ] {
        let answer = get(row.gateway, &format!("/v1/agent/monitor?{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (status, text), "{query}");
    }
}
