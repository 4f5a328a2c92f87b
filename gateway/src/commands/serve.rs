//! `nomad-gateway serve`: the gateway in front of real agents.

mod error;
mod settings;
mod tokens;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use nomad_agent::LogHub;
use nomad_forward::{
    Agent, CoalescedRequests, ConnectionLimits, DenialDetail, Directory as _, NomadApi,
    NomadDirectory, NomadOptions, Transport,
    directory::{Consul, DiscoveryStatus, Host, Watcher},
};
use nomad_wire::Region;
use tokio::{task::JoinSet, time::timeout};

use self::tokens::ClusterTokens;
pub use self::{
    error::ServeError,
    settings::{AclMode, AclSettings, AgentAddress, ConsulSettings, NodeSettings, ServeSettings},
};
use crate::{
    DrainOutcome, Gateway, ShutdownController, Signals, StartError,
    commands::cli::{CheckArgs, ServeArgs},
    logging::console::{Console, print},
    server::{
        listener::Listener,
        tls::{self, Acceptor, MaybeTlsConnect, TlsConnect},
        workers::{self, Workers},
    },
    telemetry::{AccessLog, Metrics},
};

/// For so long the first look at the cluster is waited for. After it the gateway serves, and looks on.
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs until SIGINT or SIGTERM.
///
/// # Errors
/// [`ServeError`] when the configuration has faults or the gateway cannot start.
pub fn run(args: &ServeArgs) -> Result<(), ServeError> {
    let settings = ServeSettings::load(args)?;
    let console = Console::start()?;
    let runtime = workers::new_runtime()?;
    let ended = runtime.block_on(run_serve(settings, &console));
    runtime.shutdown_timeout(Duration::from_millis(50));
    console.flush();
    ended
}

/// Reads a configuration, and says what it would do; if it is told so, asks the cluster as the gateway would.
///
/// # Errors
/// [`ServeError`] with every fault of it, or with what the servers say.
pub fn check(args: &CheckArgs) -> Result<(), ServeError> {
    let settings = ServeSettings::load_for_check(&args.serve)?;
    print("the configuration has no fault\n");
    if !args.live {
        return Ok(());
    }
    workers::new_runtime()?.block_on(async {
        let tls = settings.agent_tls.clone().map(TlsConnect::load).transpose();
        let connect = MaybeTlsConnect::new(tls.map_err(StartError::Tls)?);
        let Cluster { directory, watcher: mut watch, .. } =
            connect_cluster(&settings, connect, &settings.listen).await?;
        // What was not answered in time counts as no answer.
        drop(timeout(DISCOVERY_TIMEOUT, watch.initial_refresh()).await);
        match directory.discovery_status() {
            sight @ (DiscoveryStatus::NoResponse | DiscoveryStatus::TokenRefused) => {
                Err(ServeError::Discovery(sight))
            }
            _ => {
                print(&format!("{}\n", discovery_summary(&directory)));
                Ok(())
            }
        }
    })
}

/// What the first look at the cluster found.
fn discovery_summary(directory: &NomadDirectory<MaybeTlsConnect>) -> String {
    let (servers, nodes) = (directory.servers().len(), directory.nodes());
    match directory.discovery_status() {
        DiscoveryStatus::Complete => {
            format!("{servers} servers with a verified address, {nodes} nodes")
        }
        sight => sight.reason().to_owned(),
    }
}

async fn run_serve(settings: ServeSettings, console: &Console) -> Result<(), ServeError> {
    let own_log =
        LogHub::with_sink("gateway", settings.log_level, Arc::new(console.clone())).show_spans();
    // It fails only when another subscriber stands already, and then that one shows the lines.
    drop(tracing::dispatcher::set_global_default(own_log.dispatch()));
    console.log_panics();
    let mut signals = Signals::listen()?;
    let stopper = ShutdownController::new(settings.drain);
    let tls = settings.agent_tls.clone().map(TlsConnect::load).transpose();
    let tls = tls.map_err(StartError::Tls)?;
    let acceptor = load_acceptor(&settings)?;
    let listeners = bind_listeners(&settings, acceptor.as_ref()).await?;
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    let own: Vec<_> = listeners.iter().map(Listener::address).collect();
    let shown = listeners.iter().map(|listener| format!("{scheme}://{}", listener.address()));
    let shown = shown.collect::<Vec<_>>().join(", ");
    let connect = MaybeTlsConnect::new(tls.clone());
    let Cluster { directory, watcher: mut watch, api } =
        connect_cluster(&settings, connect.clone(), &own).await?;
    if timeout(DISCOVERY_TIMEOUT, watch.initial_refresh()).await.is_err() {
        tracing::warn!("no server has answered yet; the gateway goes on asking");
    }
    let tokens = ClusterTokens::new(&settings.acl, api, directory.clone());
    let metrics = Arc::new(Metrics::new());
    metrics.register_console(console.clone());
    let gateway = build_gateway(&settings, directory.clone(), tokens, metrics)?.connect(connect);

    let mut tasks = JoinSet::new();
    let mut stop = stopper.subscribe();
    tasks.spawn(async move {
        tokio::select! {
            () = watch.run() => {}
            () = stop.drain_started() => {}
        }
    });
    let certificates = acceptor.into_iter().map(|part| Arc::new(part) as Arc<dyn tls::Reload>);
    let certificates = certificates.chain(tls.into_iter().map(|part| Arc::new(part) as _));
    tasks.spawn(tls::watch_files(certificates.collect(), tls::POLL_INTERVAL, stopper.subscribe()));
    tasks.spawn(gateway.serve_all(listeners, stopper.subscribe()));
    print(&format!("Gateway serves {shown}: {}\n", discovery_summary(&directory)));
    signals.next().await;
    let ended = signals.drain(&stopper, async { while tasks.join_next().await.is_some() {} }).await;
    if ended == DrainOutcome::TimedOut {
        tracing::warn!("not everything ended in time");
    }
    Ok(())
}

/// TLS for callers, where they are spoken to in it.
fn load_acceptor(settings: &ServeSettings) -> Result<Option<Acceptor>, StartError> {
    let acceptor = settings.tls.clone().map(Acceptor::load).transpose()?;
    Ok(match settings.handshake_timeout {
        Some(limit) => acceptor.map(|acceptor| acceptor.handshake_timeout(Some(limit))),
        None => acceptor,
    })
}

async fn bind_listeners(
    settings: &ServeSettings,
    acceptor: Option<&Acceptor>,
) -> Result<Vec<Listener>, StartError> {
    let workers = Arc::new(Workers::start(settings.worker_threads)?);
    let mut listeners = Vec::new();
    for address in &settings.listen {
        let listener =
            Listener::bind(*address).await?.per_client_limit(settings.connections_per_client);
        let listener = listener.workers(Arc::clone(&workers));
        let listener = listener.trusted_proxies(settings.trusted_proxies.clone());
        let listener = match (settings.proxy_protocol, settings.handshake_timeout) {
            (false, _) => listener,
            (true, None) => listener.proxy_protocol(),
            (true, limit) => listener.proxy_protocol().header_limit(limit),
        };
        listeners.push(match acceptor {
            Some(acceptor) => listener.tls(acceptor.clone()),
            None => listener,
        });
    }
    Ok(listeners)
}

fn build_gateway(
    settings: &ServeSettings,
    directory: NomadDirectory<MaybeTlsConnect>,
    tokens: ClusterTokens,
    metrics: Arc<Metrics>,
) -> Result<Gateway<NomadDirectory<MaybeTlsConnect>, ClusterTokens>, StartError> {
    tokens.register_metrics(&metrics);
    let text = "1 while the servers refuse the gateway's own token";
    let told = directory.clone();
    metrics.register_gauge("own_token_refused", text, move || {
        i64::from(told.discovery_status() == DiscoveryStatus::TokenRefused)
    });
    let budget = ConnectionLimits {
        connections: settings.connections_per_agent,
        ..ConnectionLimits::default()
    };
    let denials = if settings.tell_denied { DenialDetail::Named } else { DenialDetail::Silent };
    let shares = if settings.coalesce_blocking_queries {
        CoalescedRequests::default()
    } else {
        CoalescedRequests::disabled()
    };
    let gateway = Gateway::new(directory, tokens)
        .coalesced_requests(shares)
        .denial_detail(denials)
        .connection_limits(budget)
        .http_addr_mode(settings.rewrite_http_addr)
        .trusted_proxies(settings.trusted_proxies.clone())
        .per_client_limit(settings.connections_per_client)
        .metrics(metrics);
    let gateway = match &settings.origins {
        Some(origins) => gateway.origins(origins.clone()),
        None => gateway,
    };
    Ok(match settings.access_log.as_deref().map(AccessLog::from_arg).transpose()? {
        Some(log) => gateway.access_log(log),
        None => gateway,
    })
}

struct Cluster {
    directory: NomadDirectory<MaybeTlsConnect>,
    watcher: Watcher<MaybeTlsConnect>,
    api: NomadApi<MaybeTlsConnect>,
}

/// The cluster that the settings name, with host names turned into addresses.
async fn connect_cluster(
    settings: &ServeSettings,
    connect: MaybeTlsConnect,
    own: &[SocketAddr],
) -> Result<Cluster, ServeError> {
    let region = settings.region.clone().map_or_else(Region::default, |name| Region::new(&name));
    let mut options = NomadOptions::default();
    options.region = settings.region.as_deref().map(Region::new);
    options.token.clone_from(&settings.token);
    options.http_port = settings.http_port;
    options.own_addresses = own.to_vec();
    let mut seeds: Vec<Arc<Agent>> = Vec::new();
    for address in &settings.addresses {
        if address.transport == Transport::Tls {
            // Other servers are guessed to be as those that are named.
            options.transport = Transport::Tls;
        }
        let found = resolve(address, &mut options).await?;
        let seed = Agent::seed(region.clone(), found).with_transport(address.transport);
        seeds.push(Arc::new(seed));
    }
    for (name, written) in &settings.servers {
        let address = resolve(written, &mut options).await?;
        if written.transport == Transport::Tls {
            options.transport = Transport::Tls;
        }
        options.servers.push((name.as_str().into(), address, written.transport));
        if !seeds.iter().any(|seed| *seed.endpoint() == address.into()) {
            let seed = Agent::seed(region.clone(), address).with_transport(written.transport);
            seeds.push(Arc::new(seed));
        }
    }
    if let Some(consul) = &settings.consul {
        let mut catalog = Consul::new(resolve(&consul.address, &mut options).await?);
        catalog.token.clone_from(&consul.token);
        catalog.service = consul.service.as_str().into();
        options.consul = Some(catalog);
    }
    for node in &settings.nodes {
        let address = resolve(&node.address, &mut options).await?;
        let agent = Agent::client(&node.name, node.id, region.clone(), address);
        let failed = |source| StartError::Name { name: node.name.clone(), source };
        options.nodes.push(Arc::new(agent.map_err(failed)?.with_transport(node.address.transport)));
    }
    let api = NomadApi::new(connect, seeds);
    let (directory, watch) = NomadDirectory::new(api.clone(), options);
    Ok(Cluster { directory, watcher: watch, api })
}

/// The address of a host. What is a name is looked up again from time to time.
async fn resolve(
    address: &AgentAddress,
    options: &mut NomadOptions,
) -> Result<SocketAddr, ServeError> {
    let unknown = |source| ServeError::Resolve { host: address.host.clone(), source };
    let mut found =
        tokio::net::lookup_host((&*address.host, address.port)).await.map_err(unknown)?;
    let nobody = || std::io::Error::new(std::io::ErrorKind::NotFound, "no address");
    let found = found.next().ok_or_else(|| unknown(nobody()))?;
    if options.is_own_address(found) {
        return Err(ServeError::OwnAddress { host: address.host.clone() });
    }
    if address.host.parse::<IpAddr>().is_err() {
        options.hosts.push((found, Host::new(&address.host, address.port)));
    }
    Ok(found)
}
