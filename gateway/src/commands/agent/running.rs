//! Everything that a lone agent consists of, started in order: ports, agent, gossip, tasks.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use nomad_agent::{
    Agent, AgentConfig, Gossip, GossipError, GossipOptions, Membership, RemoteMembership,
    free_address, peer_service, standalone,
};
use tokio::{task::JoinSet, time::sleep};
use tracing::instrument::WithSubscriber as _;

use super::{
    AgentRunError,
    config::{ApiSettings, RetryJoin, Settings},
    reload::ConfigReload,
    tokens::LiveTokens,
    workloads,
};
use crate::{
    Shutdown, StartError,
    commands::cli::AgentArgs,
    logging::console::Console,
    server::{listener::Listener, tls::Acceptor},
};

/// The pause after the first attempt to join that failed; it doubles up to the configured one.
const INITIAL_BACKOFF: Duration = Duration::from_millis(250);

/// A running agent.
pub(super) struct RunningAgent {
    pub(super) agent: Agent,
    /// Whether the HTTP API speaks TLS.
    pub(super) is_tls: bool,
    /// Where the HTTP API listens besides its first address.
    pub(super) additional_addresses: Vec<SocketAddr>,
    /// None on an agent that is a client only.
    gossip: Option<Arc<Gossip>>,
    serve_tasks: JoinSet<()>,
    join_tasks: JoinSet<()>,
}

/// Whether the other servers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Departure {
    Leave,
    Shutdown,
}

impl RunningAgent {
    pub(super) async fn start(
        args: &AgentArgs,
        settings: Settings,
        console: &Console,
        stop: &Shutdown,
    ) -> Result<Self, AgentRunError> {
        let role = settings.agent.role;
        let tokens = LiveTokens::load(settings.tokens.as_deref())?;
        let acceptor = load_acceptor(&settings.api)?;
        let (http, others) = bind_listeners(&settings, acceptor.as_ref()).await?;
        // Only servers answer peers; a client shows the address of its HTTP API in their place.
        let rpc =
            if role.is_server() { Some(Listener::bind(settings.bind.rpc).await?) } else { None };
        let serf = if role.is_server() { serf_address(&settings)? } else { http.address() };
        let config =
            advertised_config(&settings, http.address(), rpc.as_ref().map(Listener::address), serf);
        let gossip = role.is_server().then(Gossip::new);
        let name = config.name.clone();
        let failed = |source| StartError::Agent { name: name.clone(), source };
        let membership: Arc<dyn Membership> = match &gossip {
            Some(gossip) => Arc::clone(gossip) as _,
            None => Arc::new(RemoteMembership::start(settings.servers.clone()).await),
        };
        let is_tls = acceptor.is_some();
        let anew = ConfigReload { args: args.clone(), acceptor, tokens: tokens.clone() };
        let builder = Agent::builder(config)
            .membership(membership)
            .log_sink(Arc::new(console.clone()))
            .reload_from(move || anew.load());
        let agent = builder.start().await.map_err(failed)?;
        let also = others.iter().map(Listener::address).collect();
        let (serving, joining) = (JoinSet::new(), JoinSet::new());
        let mut up = Self {
            agent,
            is_tls,
            additional_addresses: also,
            gossip,
            serve_tasks: serving,
            join_tasks: joining,
        };
        up.start_gossip(&settings, serf).await?;
        if let Some(rpc) = rpc {
            up.spawn_server(rpc.serve(peer_service(up.agent.clone()), stop.clone()));
        }
        workloads::start_allocations(&up.agent, settings.allocations)?;
        let service = standalone(up.agent.clone(), tokens);
        for http in others.into_iter().chain([http]) {
            up.spawn_server(http.serve(service.clone(), stop.clone()));
        }
        Ok(up)
    }

    /// Begins to gossip, and to look for the servers to join.
    async fn start_gossip(
        &mut self,
        settings: &Settings,
        serf: SocketAddr,
    ) -> Result<(), StartError> {
        let (Some(gossip), Some(member)) = (&self.gossip, self.agent.member()) else {
            return Ok(());
        };
        let data_dir = self.agent.config().data_dir.as_ref();
        let options = GossipOptions {
            key: settings.encrypt.clone(),
            keyring: data_dir.map(|data| data.join("server/serf.keyring")),
            ..GossipOptions::new(SocketAddr::new(settings.bind.serf.ip(), serf.port()))
        };
        let name = member.name.clone();
        let dispatch = self.agent.dispatch().clone();
        let started = gossip.start(member, options).with_subscriber(dispatch.clone()).await;
        started.map_err(|source| StartError::Gossip { name, source })?;
        if !settings.retry_join.addresses.is_empty() {
            let joining = join_until_contacted(Arc::clone(gossip), settings.retry_join.clone());
            self.join_tasks.spawn(joining.with_subscriber(dispatch));
        }
        Ok(())
    }

    fn spawn_server(&mut self, served: impl Future<Output = ()> + Send + 'static) {
        self.serve_tasks.spawn(served.with_subscriber(self.agent.dispatch().clone()));
    }

    /// Ends tasks, gossip and connections, all at once. The end must have been announced.
    pub(super) async fn stop(mut self, goodbye: Departure) {
        self.join_tasks.abort_all();
        let quiet = async {
            match (&self.gossip, goodbye) {
                (Some(gossip), Departure::Leave) => gossip.leave().await,
                (Some(gossip), Departure::Shutdown) => gossip.shutdown().await,
                (None, _) => {}
            }
        };
        let idle = async {
            if let Some(allocations) = self.agent.allocations() {
                allocations.stop_all().await;
            }
        };
        let dispatch = self.agent.dispatch().clone();
        tokio::join!(quiet.with_subscriber(dispatch.clone()), idle.with_subscriber(dispatch));
        while self.serve_tasks.join_next().await.is_some() {}
    }
}

fn load_acceptor(api: &ApiSettings) -> Result<Option<Acceptor>, StartError> {
    let acceptor = api.tls.clone().map(Acceptor::load).transpose()?;
    Ok(acceptor.map(|acceptor| acceptor.handshake_timeout(api.handshake_timeout)))
}

/// The listener that others are told, and the other ones of the HTTP API.
async fn bind_listeners(
    settings: &Settings,
    acceptor: Option<&Acceptor>,
) -> Result<(Listener, Vec<Listener>), StartError> {
    let one = async |address| {
        let listener = Listener::bind(address).await?;
        let listener = listener.per_client_limit(settings.api.connections_per_client);
        Ok::<_, StartError>(match acceptor {
            Some(acceptor) => listener.tls(acceptor.clone()),
            None => listener,
        })
    };
    let mut addresses = settings.bind.http.iter();
    let first = addresses.next().expect("a checked configuration has an address to listen on");
    let first = one(*first).await?;
    let mut others = Vec::new();
    for address in addresses {
        others.push(one(*address).await?);
    }
    Ok((first, others))
}

/// The port of gossip has to be known before it begins, for others are told it.
fn serf_address(settings: &Settings) -> Result<SocketAddr, StartError> {
    let bind = settings.bind.serf;
    if bind.port() != 0 {
        return Ok(bind);
    }
    free_address(bind.ip()).map_err(|error| StartError::Gossip {
        name: settings.agent.name.clone(),
        source: GossipError::Start { address: bind, reason: error.to_string().into() },
    })
}

/// The configuration with the addresses that others use.
fn advertised_config(
    settings: &Settings,
    http: SocketAddr,
    rpc: Option<SocketAddr>,
    serf: SocketAddr,
) -> AgentConfig {
    let shown = |bound: SocketAddr, advertised: Option<(IpAddr, Option<u16>)>| match advertised {
        Some((ip, port)) => SocketAddr::new(ip, port.unwrap_or_else(|| bound.port())),
        None => bound,
    };
    let advertise = settings.advertise;
    AgentConfig {
        http: shown(http, advertise.http),
        rpc: shown(rpc.unwrap_or(http), advertise.rpc),
        serf: shown(serf, advertise.serf),
        ..settings.agent.clone()
    }
}

/// Tries until one of the servers answers.
async fn join_until_contacted(gossip: Arc<Gossip>, wanted: RetryJoin) {
    let mut pause = INITIAL_BACKOFF.min(wanted.interval);
    let mut attempts = 0_u32;
    loop {
        let joined = gossip.join(&wanted.addresses).await;
        if joined.contacted > 0 {
            tracing::info!(target: "nomad", num_joined = joined.contacted, "joined other servers");
            return;
        }
        attempts = attempts.saturating_add(1);
        if wanted.attempts > 0 && attempts >= wanted.attempts {
            tracing::error!(target: "nomad", attempts, "no server could be joined; giving up");
            return;
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(wanted.interval);
    }
}
