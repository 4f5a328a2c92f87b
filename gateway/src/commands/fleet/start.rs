//! How the agents of a fleet come to life.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use nomad_agent::{
    Agent, AgentConfig, Gossip, GossipError, GossipOptions, Membership, RemoteMembership, Role,
    free_address, peer_service, standalone,
};
use tokio::{task::JoinSet, time::timeout};
use tracing::instrument::WithSubscriber as _;

use super::{FleetAgent, FleetOptions};
use crate::{Shutdown, StartError, server::listener::Listener};

/// Ports are chosen before they are used; somebody else may be faster.
const PORT_ATTEMPTS: usize = 5;

/// On one machine servers know each other in a fraction of this; if they do not, the fleet starts all the same.
const JOIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Any free port of the loopback address.
const LOOPBACK: SocketAddr =
    SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0));

/// What runs.
pub(super) struct StartedFleet {
    pub(super) agents: Vec<FleetAgent>,
    pub(super) gossips: Vec<Arc<Gossip>>,
    pub(super) serve_tasks: JoinSet<()>,
}

/// Starts servers, lets them find each other, then starts clients that ask them.
pub(super) async fn start_agents(
    options: &FleetOptions,
    stop: &Shutdown,
) -> Result<StartedFleet, StartError> {
    let mut started =
        StartedFleet { agents: Vec::new(), gossips: Vec::new(), serve_tasks: JoinSet::new() };
    for (name, role) in options.agent_names().filter(|(_, role)| role.is_server()) {
        started.start_server(options, &name, role, stop).await?;
    }
    started.join_servers().await;
    let servers: Vec<_> =
        started.agents.iter().map(|server| server.agent.config().rpc.to_string()).collect();
    for (name, role) in options.agent_names().filter(|(_, role)| !role.is_server()) {
        started.start_client(options, &name, role, (stop, &servers)).await?;
    }
    Ok(started)
}

impl StartedFleet {
    async fn start_server(
        &mut self,
        options: &FleetOptions,
        name: &str,
        role: Role,
        stop: &Shutdown,
    ) -> Result<(), StartError> {
        let mut attempts = 1;
        loop {
            let (http, rpc) = (Listener::bind(LOOPBACK).await?, Listener::bind(LOOPBACK).await?);
            let failed = |source| StartError::Gossip { name: name.to_owned(), source };
            let serf = free_address(LOOPBACK.ip()).map_err(|error| {
                let reason = error.to_string().into();
                failed(GossipError::Start { address: LOOPBACK, reason })
            })?;
            let addresses = Addresses { http: http.address(), rpc: rpc.address(), serf };
            let gossip = Gossip::new();
            let agent =
                start_agent(options, (name, role), addresses, Arc::clone(&gossip) as _).await?;
            let member = agent.member().expect("a server is a member");
            let gossiping = gossip.start(member, GossipOptions::new(serf));
            match gossiping.with_subscriber(agent.dispatch().clone()).await {
                Ok(()) => {
                    self.spawn_server(rpc.serve(peer_service(agent.clone()), stop.clone()), &agent);
                    self.spawn_server(
                        http.serve(standalone(agent.clone(), options.tokens.clone()), stop.clone()),
                        &agent,
                    );
                    self.agents.push(FleetAgent { agent, address: addresses.http });
                    self.gossips.push(gossip);
                    return Ok(());
                }
                Err(source) if attempts == PORT_ATTEMPTS => return Err(failed(source)),
                Err(_) => attempts += 1,
            }
        }
    }

    async fn start_client(
        &mut self,
        options: &FleetOptions,
        name: &str,
        role: Role,
        (stop, servers): (&Shutdown, &[String]),
    ) -> Result<(), StartError> {
        let http = Listener::bind(LOOPBACK).await?;
        let address = http.address();
        let addresses = Addresses { http: address, rpc: address, serf: address };
        let remote = Arc::new(RemoteMembership::start(servers.to_vec()).await);
        let agent = start_agent(options, (name, role), addresses, remote).await?;
        let served = http.serve(standalone(agent.clone(), options.tokens.clone()), stop.clone());
        self.spawn_server(served, &agent);
        self.agents.push(FleetAgent { agent, address });
        Ok(())
    }

    fn spawn_server(&mut self, served: impl Future<Output = ()> + Send + 'static, agent: &Agent) {
        self.serve_tasks.spawn(served.with_subscriber(agent.dispatch().clone()));
    }

    /// Every server joins the first one, and everybody waits for the news to be everywhere.
    async fn join_servers(&self) {
        let Some((_, others)) = self.gossips.split_first() else { return };
        let first = [self.agents[0].agent.config().serf.to_string()];
        let mut joins: JoinSet<()> = JoinSet::new();
        for gossip in others {
            let (gossip, first) = (Arc::clone(gossip), first.clone());
            joins.spawn(async move { drop(gossip.join(&first).await) });
        }
        let gathered = async {
            while joins.join_next().await.is_some() {}
            for gossip in &self.gossips {
                gossip.wait_for(|members| members.len() == self.gossips.len()).await;
            }
        };
        if timeout(JOIN_TIMEOUT, gathered).await.is_err() {
            tracing::warn!("the servers do not all know each other yet");
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Addresses {
    http: SocketAddr,
    rpc: SocketAddr,
    serf: SocketAddr,
}

async fn start_agent(
    options: &FleetOptions,
    (name, role): (&str, Role),
    addresses: Addresses,
    membership: Arc<dyn Membership>,
) -> Result<Agent, StartError> {
    let config = AgentConfig {
        http: addresses.http,
        rpc: addresses.rpc,
        serf: addresses.serf,
        data_dir: Some(options.data_dir.join(name)),
        enable_debug: true,
        acl_enabled: options.tokens.are_enabled(),
        log_level: options.log_level,
        ..AgentConfig::new(name, role)
    };
    let builder = Agent::builder(config).membership(membership);
    let builder = match &options.log_sink {
        Some(outlet) => builder.log_sink(Arc::clone(outlet)),
        None => builder,
    };
    let started = builder.start().await;
    started.map_err(|source| StartError::Agent { name: name.to_owned(), source })
}
