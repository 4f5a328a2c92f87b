//! `nomad-gateway dev`: a fleet, and the gateway in front of it.

mod banner;

use std::{path::PathBuf, sync::Arc, time::Duration};

use nomad_agent::LogHub;
use nomad_forward::{DenialDetail, StaticDirectory};
use tempfile::TempDir;

use crate::{
    DrainOutcome, Gateway, ShutdownController, Signals, StartError,
    commands::{
        cli::DevArgs,
        fleet::{Bootstrap, Fleet, FleetOptions, FleetTokens},
    },
    logging::console::{Console, print},
    server::{
        listener::Listener,
        tls::{self, Acceptor, ClientCertificates, ServerTls},
    },
    telemetry::{AccessLog, Metrics},
};

/// How long answers of the fleet that have begun may go on when the gateway has ended: nobody waits for them.
const GRACE: Duration = Duration::from_millis(100);

/// Runs until Ctrl-C or SIGTERM; a second one ends it at once.
///
/// # Errors
/// [`StartError`] when the fleet or the gateway cannot start.
pub fn run(args: &DevArgs) -> Result<(), StartError> {
    let console = Console::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(StartError::Runtime)?;
    let ended = runtime.block_on(run_dev(args, &console));
    runtime.shutdown_timeout(Duration::from_millis(50));
    console.flush();
    ended
}

async fn run_dev(args: &DevArgs, console: &Console) -> Result<(), StartError> {
    let own_log =
        LogHub::with_sink("gateway", args.log_level.into(), Arc::new(console.clone())).show_spans();
    // It fails only when another subscriber stands already, and then that one shows the lines.
    drop(tracing::dispatcher::set_global_default(own_log.dispatch()));
    console.log_panics();

    let (stopper, fleet_stopper) =
        (ShutdownController::new(args.drain), ShutdownController::new(GRACE));
    let mut signals = Signals::listen()?;

    // The gateway's port first: when it is taken, nothing else needs to be started.
    let (listener, certificates) = bind_listener(args).await?;
    let address = listener.address();
    if let Some(part) = &certificates {
        // Without a certificate SIGHUP keeps its usual meaning: the terminal is gone.
        let watched: Vec<Arc<dyn tls::Reload>> = vec![Arc::new(part.clone())];
        tokio::spawn(tls::watch_files(watched, tls::POLL_INTERVAL, stopper.subscribe()));
    }
    let data = DataDir::prepare(args.data_dir.as_ref())?;
    let (tokens, bootstrap) = create_tokens(args)?;
    let options = fleet_options(args, &data, &tokens, console);
    let fleet = Fleet::start(&options, &fleet_stopper.subscribe()).await?;
    let gateway = build_gateway(args, &fleet, tokens, console)?;
    let serving = tokio::spawn(gateway.serve(listener, stopper.subscribe()));
    let scheme = if certificates.is_some() { "https" } else { "http" };
    let gateway = format!("{scheme}://{address}");
    print(&banner::banner(&gateway, &fleet, &data.path(), bootstrap.as_ref()));

    signals.next().await;
    print("\nStopping…\n");
    // The gateway first: the streams that it lets finish come from the fleet.
    let gateway = signals.drain(&stopper, serving).await;
    let fleet = signals.drain(&fleet_stopper, fleet.stop()).await;
    if [gateway, fleet].contains(&DrainOutcome::TimedOut) {
        tracing::warn!("not everything ended in time");
    }
    print("Stopped.\n");
    Ok(())
}

fn fleet_options(
    args: &DevArgs,
    data: &DataDir,
    tokens: &FleetTokens,
    console: &Console,
) -> FleetOptions {
    FleetOptions {
        tokens: tokens.clone(),
        servers: args.servers,
        clients: args.clients,
        log_level: args.log_level.into(),
        log_sink: Some(Arc::new(console.clone())),
        ..FleetOptions::new(data.path())
    }
}

fn build_gateway(
    args: &DevArgs,
    fleet: &Fleet,
    tokens: FleetTokens,
    console: &Console,
) -> Result<Gateway<StaticDirectory, FleetTokens>, StartError> {
    let denials = if args.tell_denied { DenialDetail::Named } else { DenialDetail::Silent };
    let metrics = Arc::new(Metrics::new());
    metrics.register_console(console.clone());
    let gateway =
        Gateway::new(fleet.directory().clone(), tokens).denial_detail(denials).metrics(metrics);
    Ok(match args.access_log.as_deref().map(AccessLog::from_arg).transpose()? {
        Some(log) => gateway.access_log(log),
        None => gateway,
    })
}

/// The gateway's port, with TLS where there is a certificate for it.
async fn bind_listener(args: &DevArgs) -> Result<(Listener, Option<Acceptor>), StartError> {
    let listener = Listener::bind(args.listen).await?;
    let (Some(cert), Some(key)) = (&args.tls_cert, &args.tls_key) else {
        return Ok((listener, None));
    };
    let acceptor = Acceptor::load(ServerTls {
        cert_file: cert.clone(),
        key_file: key.clone(),
        ca_file: args.tls_ca.clone(),
        client_certificates: match (args.verify_https_client, &args.tls_ca) {
            (true, _) => ClientCertificates::Required,
            (false, Some(_)) => ClientCertificates::Optional,
            (false, None) => ClientCertificates::Ignored,
        },
        http: tls::HttpVersions::default(),
        min_version: tls::MinVersion::default(),
        cipher_suites: tls::CipherSuites::default(),
    })?;
    Ok((listener.tls(acceptor.clone()), Some(acceptor)))
}

/// Nobody needs a token, or these two.
fn create_tokens(args: &DevArgs) -> Result<(FleetTokens, Option<Bootstrap>), StartError> {
    if args.acl {
        let (tokens, bootstrap) = FleetTokens::bootstrap()?;
        Ok((tokens, Some(bootstrap)))
    } else {
        Ok((FleetTokens::Disabled, None))
    }
}

/// Where the agents keep their data: the operator's directory, or one that goes away at the end.
enum DataDir {
    Persistent(PathBuf),
    Temporary(TempDir),
}

impl DataDir {
    fn prepare(wanted: Option<&PathBuf>) -> Result<Self, StartError> {
        match wanted {
            Some(path) => {
                let failed = |source| StartError::DataDir { path: path.clone(), source };
                std::fs::create_dir_all(path).map_err(failed)?;
                path.canonicalize().map(Self::Persistent).map_err(failed)
            }
            None => {
                let made = tempfile::Builder::new().prefix("nomad-gateway-dev-").tempdir();
                let failed = |source| StartError::DataDir { path: std::env::temp_dir(), source };
                made.map(Self::Temporary).map_err(failed)
            }
        }
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::Persistent(path) => path.clone(),
            Self::Temporary(dir) => dir.path().to_owned(),
        }
    }
}
