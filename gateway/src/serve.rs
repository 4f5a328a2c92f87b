//! `nomad-gateway serve`: the gateway in front of real agents.

mod error;
mod settings;
mod tokens;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use nomad_agent::LogHub;
use nomad_forward::{
    Agent, Budget, Denials, NomadApi, NomadDirectory, NomadOptions, TcpConnect, directory::Watch,
};
use nomad_wire::Region;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::timeout,
};

use self::tokens::ClusterTokens;
pub use self::{
    error::ServeError,
    settings::{AclMode, AclSettings, Address, NodeSettings, ServeSettings},
};
use crate::{
    Gateway, StartError, Stopper, SystemClock,
    cli::ServeArgs,
    console::{Console, say},
    listen::Listener,
};

/// How long answers that have begun may go on after the signal: streams never end by themselves.
const GRACE: Duration = Duration::from_millis(500);

/// What is not gone by then is left to the system.
const END_LIMIT: Duration = Duration::from_secs(2);

/// For so long the first look at the cluster is waited for. After it the gateway serves, and looks on.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// Runs until SIGINT or SIGTERM.
///
/// # Errors
/// [`ServeError`] when the configuration has faults or the gateway cannot start.
pub fn run(args: &ServeArgs) -> Result<(), ServeError> {
    let settings = ServeSettings::load(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(StartError::Runtime)?;
    let ended = runtime.block_on(serve(settings));
    runtime.shutdown_timeout(Duration::from_millis(50));
    ended
}

/// Reads a configuration, and says what it would do.
///
/// # Errors
/// [`ServeError`] with every fault of it.
pub fn check(args: &ServeArgs) -> Result<(), ServeError> {
    ServeSettings::load(args)?;
    say("the configuration has no fault\n");
    Ok(())
}

async fn serve(settings: ServeSettings) -> Result<(), ServeError> {
    let own_log = LogHub::with_outlet("gateway", settings.log_level, Arc::new(Console));
    // It fails only when another subscriber stands already, and then that one shows the lines.
    drop(tracing::dispatcher::set_global_default(own_log.dispatch()));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Signals)?;

    let listener = Listener::bind(settings.listen).await?;
    let address = listener.address();
    let Cluster { directory, mut watch, api } = cluster(&settings).await?;
    if timeout(FIRST_LOOK, watch.first_look()).await.is_err() {
        tracing::warn!("no server has answered yet; the gateway goes on asking");
    }
    let tokens = ClusterTokens::new(&settings.acl, api, SystemClock::start());
    let budget = Budget { connections: settings.connections_per_agent, ..Budget::default() };
    let denials = if settings.tell_denied { Denials::Named } else { Denials::Silent };
    let gateway = Gateway::new(directory.clone(), tokens)
        .denials(denials)
        .budget(budget)
        .rewrite(settings.rewrite_http_addr);

    let stopper = Stopper::new(GRACE);
    let mut tasks = JoinSet::new();
    let mut stop = stopper.listen();
    tasks.spawn(async move {
        tokio::select! {
            () = watch.run() => {}
            () = stop.announced() => {}
        }
    });
    tasks.spawn(gateway.serve(listener, stopper.listen()));
    say(&format!(
        "Gateway serves http://{address}: {} servers with a verified address, {} nodes\n",
        directory.servers().len(),
        directory.nodes()
    ));
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stopper.stop();
    let ended = timeout(END_LIMIT, async { while tasks.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!("not everything ended in time");
    }
    Ok(())
}

struct Cluster {
    directory: NomadDirectory<TcpConnect>,
    watch: Watch<TcpConnect>,
    api: NomadApi<TcpConnect>,
}

/// The cluster that the settings name, with host names turned into addresses once.
async fn cluster(settings: &ServeSettings) -> Result<Cluster, ServeError> {
    let region = settings.region.clone().map_or_else(Region::default, |name| Region::new(&name));
    let mut options = NomadOptions::default();
    options.region = settings.region.as_deref().map(Region::new);
    options.token.clone_from(&settings.token);
    options.http_port = settings.http_port;
    let mut seeds: Vec<Arc<Agent>> = Vec::new();
    for address in &settings.addresses {
        seeds.push(Arc::new(Agent::seed(region.clone(), resolve(address).await?)));
    }
    for (name, address) in &settings.servers {
        let address = resolve(address).await?;
        options.servers.push((name.as_str().into(), address));
        if !seeds.iter().any(|seed| seed.address() == address) {
            seeds.push(Arc::new(Agent::seed(region.clone(), address)));
        }
    }
    for node in &settings.nodes {
        let address = resolve(&node.address).await?;
        let agent = Agent::client(&node.name, node.id, region.clone(), address);
        let failed = |source| StartError::Name { name: node.name.clone(), source };
        options.nodes.push(Arc::new(agent.map_err(failed)?));
    }
    let api = NomadApi::new(TcpConnect, seeds);
    let (directory, watch) = NomadDirectory::new(api.clone(), options);
    Ok(Cluster { directory, watch, api })
}

async fn resolve(address: &Address) -> Result<SocketAddr, ServeError> {
    let unknown = |source| ServeError::Resolve { host: address.host.clone(), source };
    let mut found =
        tokio::net::lookup_host((&*address.host, address.port)).await.map_err(unknown)?;
    let nobody = || std::io::Error::new(std::io::ErrorKind::NotFound, "no address");
    found.next().ok_or_else(|| unknown(nobody()))
}
