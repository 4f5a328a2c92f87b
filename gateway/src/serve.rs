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
    Agent, Budget, Denials, Directory as _, NomadApi, NomadDirectory, NomadOptions, Shares,
    Transport,
    directory::{Consul, Host, Sight, Watch},
};
use nomad_wire::Region;
use tokio::{task::JoinSet, time::timeout};

use self::tokens::ClusterTokens;
pub use self::{
    error::ServeError,
    settings::{AclMode, AclSettings, Address, ConsulSettings, NodeSettings, ServeSettings},
};
use crate::{
    Ended, Gateway, Signals, StartError, Stopper,
    cli::{CheckArgs, ServeArgs},
    console::{Console, say},
    listen::Listener,
    telemetry::{AccessLog, Metrics},
    tls::{self, Acceptor, FleetConnect, TlsConnect},
    workers::{self, Workers},
};

/// For so long the first look at the cluster is waited for. After it the gateway serves, and looks on.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// Runs until SIGINT or SIGTERM.
///
/// # Errors
/// [`ServeError`] when the configuration has faults or the gateway cannot start.
pub fn run(args: &ServeArgs) -> Result<(), ServeError> {
    let settings = ServeSettings::load(args)?;
    let console = Console::start()?;
    let runtime = workers::runtime()?;
    let ended = runtime.block_on(serve(settings, &console));
    runtime.shutdown_timeout(Duration::from_millis(50));
    console.flush();
    ended
}

/// Reads a configuration, and says what it would do; if it is told so, asks the cluster as the gateway would.
///
/// # Errors
/// [`ServeError`] with every fault of it, or with what the servers say.
pub fn check(args: &CheckArgs) -> Result<(), ServeError> {
    let settings = ServeSettings::load_strictly(&args.serve)?;
    say("the configuration has no fault\n");
    if !args.live {
        return Ok(());
    }
    workers::runtime()?.block_on(async {
        let tls = settings.agent_tls.clone().map(TlsConnect::load).transpose();
        let connect = FleetConnect::new(tls.map_err(StartError::Tls)?);
        let Cluster { directory, mut watch, .. } =
            cluster(&settings, connect, &settings.listen).await?;
        // What was not answered in time counts as no answer.
        drop(timeout(FIRST_LOOK, watch.first_look()).await);
        match directory.sight() {
            sight @ (Sight::NoAnswer | Sight::TokenRefused) => Err(ServeError::Sight(sight)),
            _ => {
                say(&format!("{}\n", seen(&directory)));
                Ok(())
            }
        }
    })
}

/// What the first look at the cluster found.
fn seen(directory: &NomadDirectory<FleetConnect>) -> String {
    let (servers, nodes) = (directory.servers().len(), directory.nodes());
    match directory.sight() {
        Sight::Whole => format!("{servers} servers with a verified address, {nodes} nodes"),
        sight => sight.why().to_owned(),
    }
}

async fn serve(settings: ServeSettings, console: &Console) -> Result<(), ServeError> {
    let own_log =
        LogHub::with_outlet("gateway", settings.log_level, Arc::new(console.clone())).show_spans();
    // It fails only when another subscriber stands already, and then that one shows the lines.
    drop(tracing::dispatcher::set_global_default(own_log.dispatch()));
    console.take_panics();
    let mut signals = Signals::listen()?;
    let stopper = Stopper::new(settings.drain);
    let tls = settings.agent_tls.clone().map(TlsConnect::load).transpose();
    let tls = tls.map_err(StartError::Tls)?;
    let acceptor = acceptor(&settings)?;
    let listeners = listeners(&settings, acceptor.as_ref()).await?;
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    let own: Vec<_> = listeners.iter().map(Listener::address).collect();
    let shown = listeners.iter().map(|listener| format!("{scheme}://{}", listener.address()));
    let shown = shown.collect::<Vec<_>>().join(", ");
    let connect = FleetConnect::new(tls.clone());
    let Cluster { directory, mut watch, api } = cluster(&settings, connect.clone(), &own).await?;
    if timeout(FIRST_LOOK, watch.first_look()).await.is_err() {
        tracing::warn!("no server has answered yet; the gateway goes on asking");
    }
    let tokens = ClusterTokens::new(&settings.acl, api, directory.clone());
    let metrics = Arc::new(Metrics::new());
    metrics.show_console(console.clone());
    let gateway = gateway(&settings, directory.clone(), tokens, metrics)?.connect(connect);

    let mut tasks = JoinSet::new();
    let mut stop = stopper.listen();
    tasks.spawn(async move {
        tokio::select! {
            () = watch.run() => {}
            () = stop.announced() => {}
        }
    });
    let certificates = acceptor.into_iter().map(|part| Arc::new(part) as Arc<dyn tls::Reload>);
    let certificates = certificates.chain(tls.into_iter().map(|part| Arc::new(part) as _));
    tasks.spawn(tls::watch(certificates.collect(), tls::LOOK_AGAIN, stopper.listen()));
    tasks.spawn(gateway.serve_all(listeners, stopper.listen()));
    say(&format!("Gateway serves {shown}: {}\n", seen(&directory)));
    signals.next().await;
    let ended = signals.drain(&stopper, async { while tasks.join_next().await.is_some() {} }).await;
    if ended == Ended::Abandoned {
        tracing::warn!("not everything ended in time");
    }
    Ok(())
}

/// TLS for callers, where they are spoken to in it.
fn acceptor(settings: &ServeSettings) -> Result<Option<Acceptor>, StartError> {
    let acceptor = settings.tls.clone().map(Acceptor::load).transpose()?;
    Ok(match settings.handshake_limit {
        Some(limit) => acceptor.map(|acceptor| acceptor.handshake_limit(Some(limit))),
        None => acceptor,
    })
}

async fn listeners(
    settings: &ServeSettings,
    acceptor: Option<&Acceptor>,
) -> Result<Vec<Listener>, StartError> {
    let workers = Arc::new(Workers::start(settings.worker_threads)?);
    let mut listeners = Vec::new();
    for address in &settings.listen {
        let listener = Listener::bind(*address).await?.per_client(settings.connections_per_client);
        let listener = listener.workers(Arc::clone(&workers));
        let listener = listener.trusted_proxies(settings.trusted_proxies.clone());
        let listener = match (settings.proxy_protocol, settings.handshake_limit) {
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

fn gateway(
    settings: &ServeSettings,
    directory: NomadDirectory<FleetConnect>,
    tokens: ClusterTokens,
    metrics: Arc<Metrics>,
) -> Result<Gateway<NomadDirectory<FleetConnect>, ClusterTokens>, StartError> {
    tokens.show(&metrics);
    let text = "1 while the servers refuse the gateway's own token";
    let told = directory.clone();
    metrics.show_gauge("own_token_refused", text, move || {
        i64::from(told.sight() == Sight::TokenRefused)
    });
    let budget = Budget { connections: settings.connections_per_agent, ..Budget::default() };
    let denials = if settings.tell_denied { Denials::Named } else { Denials::Silent };
    let shares = if settings.share_blocking_queries { Shares::default() } else { Shares::off() };
    let gateway = Gateway::new(directory, tokens)
        .shares(shares)
        .denials(denials)
        .budget(budget)
        .rewrite(settings.rewrite_http_addr)
        .trusted_proxies(settings.trusted_proxies.clone())
        .per_client(settings.connections_per_client)
        .metrics(metrics);
    let gateway = match &settings.origins {
        Some(origins) => gateway.origins(origins.clone()),
        None => gateway,
    };
    Ok(match settings.access_log.as_deref().map(AccessLog::named).transpose()? {
        Some(log) => gateway.access_log(log),
        None => gateway,
    })
}

struct Cluster {
    directory: NomadDirectory<FleetConnect>,
    watch: Watch<FleetConnect>,
    api: NomadApi<FleetConnect>,
}

/// The cluster that the settings name, with host names turned into addresses.
async fn cluster(
    settings: &ServeSettings,
    connect: FleetConnect,
    own: &[SocketAddr],
) -> Result<Cluster, ServeError> {
    let region = settings.region.clone().map_or_else(Region::default, |name| Region::new(&name));
    let mut options = NomadOptions::default();
    options.region = settings.region.as_deref().map(Region::new);
    options.token.clone_from(&settings.token);
    options.http_port = settings.http_port;
    options.own = own.to_vec();
    let mut seeds: Vec<Arc<Agent>> = Vec::new();
    for address in &settings.addresses {
        if address.transport == Transport::Tls {
            // Other servers are guessed to be as those that are named.
            options.transport = Transport::Tls;
        }
        let found = resolve(address, &mut options).await?;
        let seed = Agent::seed(region.clone(), found).over(address.transport);
        seeds.push(Arc::new(seed));
    }
    for (name, written) in &settings.servers {
        let address = resolve(written, &mut options).await?;
        if written.transport == Transport::Tls {
            options.transport = Transport::Tls;
        }
        options.servers.push((name.as_str().into(), address, written.transport));
        if !seeds.iter().any(|seed| *seed.endpoint() == address.into()) {
            let seed = Agent::seed(region.clone(), address).over(written.transport);
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
        options.nodes.push(Arc::new(agent.map_err(failed)?.over(node.address.transport)));
    }
    let api = NomadApi::new(connect, seeds);
    let (directory, watch) = NomadDirectory::new(api.clone(), options);
    Ok(Cluster { directory, watch, api })
}

/// The address of a host. What is a name is looked up again from time to time.
async fn resolve(address: &Address, options: &mut NomadOptions) -> Result<SocketAddr, ServeError> {
    let unknown = |source| ServeError::Resolve { host: address.host.clone(), source };
    let mut found =
        tokio::net::lookup_host((&*address.host, address.port)).await.map_err(unknown)?;
    let nobody = || std::io::Error::new(std::io::ErrorKind::NotFound, "no address");
    let found = found.next().ok_or_else(|| unknown(nobody()))?;
    if options.is_own(found) {
        return Err(ServeError::Itself { host: address.host.clone() });
    }
    if address.host.parse::<IpAddr>().is_err() {
        options.hosts.push((found, Host::new(&address.host, address.port)));
    }
    Ok(found)
}
