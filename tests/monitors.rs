//! A monitor through the gateway is the live log of the agent that is named, in every way that Nomad has to name one.

use std::{net::SocketAddr, time::Duration};

use nomad_acl::AclDisabled;
use nomad_agent::{Agent, AgentConfig, Role, standalone};
use nomad_forward::Table;
use nomad_gateway::{Gateway, Stopper, listen::Listener};
use nomad_wire::Region;
use tokio::task::JoinSet;

use crate::support::{Stream, get};

/// Two servers and a client of region `global`, and a server of region `mars`, with one gateway in front.
struct Regions {
    gateway: SocketAddr,
    agents: Vec<Agent>,
    _serving: JoinSet<()>,
    _stopper: Stopper,
}

async fn serving(agent: &Agent, stopper: &Stopper, serving: &mut JoinSet<()>) -> SocketAddr {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.address();
    serving.spawn(listener.serve(standalone(agent.clone(), AclDisabled), stopper.listen()));
    address
}

impl Regions {
    async fn start() -> Self {
        let (stopper, mut tasks) = (Stopper::new(Duration::ZERO), JoinSet::new());
        let mut table = Table::builder(Region::default());
        let mut agents = Vec::new();
        for (name, role, region) in [
            ("server1", Role::Server, "global"),
            ("server2", Role::Server, "global"),
            ("client1", Role::Client, "global"),
            ("server1", Role::Server, "mars"),
        ] {
            let config = AgentConfig { region: region.to_owned(), ..AgentConfig::new(name, role) };
            let agent = Agent::builder(config).start().await.unwrap();
            let address = serving(&agent, &stopper, &mut tasks).await;
            let region = Region::new(region);
            let entry = match (agent.server_id(), agent.node_id()) {
                (Some(id), _) => nomad_forward::Agent::server(name, id, region, address),
                (None, id) => nomad_forward::Agent::client(name, id.unwrap(), region, address),
            };
            table = table.agent(entry.unwrap());
            agents.push(agent);
        }
        let directory = table.leader(|| Some("server2.global".to_owned())).build();
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let gateway = listener.address();
        tasks.spawn(Gateway::new(directory, AclDisabled).serve(listener, stopper.listen()));
        Self { gateway, agents, _serving: tasks, _stopper: stopper }
    }

    /// Opens a monitor, lets every agent say who it is, and gives the first line.
    async fn heard(&self, query: &str) -> String {
        let path = format!("/v1/agent/monitor?plain=true&log_level=debug&{query}");
        let spoken = async {
            while self.agents.iter().all(|agent| agent.log().listeners() == 0) {
                tokio::task::yield_now().await;
            }
            for agent in &self.agents {
                let config = agent.config();
                tracing::dispatcher::with_default(agent.dispatch(), || {
                    tracing::debug!(target: "http", "{}.{} speaks", config.name, config.region);
                });
            }
        };
        let (mut stream, ()) = tokio::join!(Stream::open(self.gateway, &path), spoken);
        assert_eq!(stream.status, 200, "{query}");
        let seen = stream.read_until(|seen| seen.contains(" speaks\n")).await;
        drop(stream);
        while self.agents.iter().any(|agent| agent.log().listeners() > 0) {
            tokio::task::yield_now().await;
        }
        let line = seen.lines().find(|line| line.ends_with(" speaks")).unwrap();
        line.split_once("[DEBUG] http: ").unwrap().1.trim_end_matches(" speaks").to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_of_an_agent_leads_to_its_log() {
    let regions = Regions::start().await;
    let [server1, server2, client1, foreign] = regions.agents.as_slice() else { unreachable!() };
    let (id, foreign) = (server2.server_id().unwrap(), foreign.server_id().unwrap());
    let node = client1.node_id().unwrap();
    for (query, agent) in [
        // The leader is another one than the server that is asked when nobody is named.
        (String::new(), "server1.global"),
        ("server_id=leader".to_owned(), "server2.global"),
        ("server_id=server2.global".to_owned(), "server2.global"),
        (format!("server_id={id}"), "server2.global"),
        ("server_id=server1.global".to_owned(), "server1.global"),
        (format!("server_id={}", server1.server_id().unwrap()), "server1.global"),
        ("server_id=server1.mars&region=mars".to_owned(), "server1.mars"),
        (format!("server_id={foreign}&region=mars"), "server1.mars"),
        (format!("node_id={node}"), "client1.global"),
    ] {
        assert_eq!(regions.heard(&query).await, agent, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_lead_nowhere_are_told() {
    let regions = Regions::start().await;
    for (query, status, text) in [
        ("server_id=server1.mars&region=venus", 400, "No path to region"),
        ("server_id=server1.mars", 400, "unknown Nomad server server1.mars"),
        ("server_id=server2.global&region=mars", 400, "unknown Nomad server server2.global"),
        ("server_id=a&node_id=b", 400, "Cannot target node and server simultaneously"),
    ] {
        let answer = get(regions.gateway, &format!("/v1/agent/monitor?{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (status, text), "{query}");
    }
    // The other calls that Nomad forwards say the same with another status.
    for call in ["host", "pprof/cmdline"] {
        let query = "server_id=server2.global&region=mars";
        let answer = get(regions.gateway, &format!("/v1/agent/{call}?{query}")).await;
        let text = answer.text();
        assert_eq!(
            (answer.status.as_u16(), text.as_str()),
            (500, "unknown Nomad server server2.global"),
            "{call}"
        );
    }
}
