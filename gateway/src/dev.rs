//! `nomad-gateway dev`: a fleet, and the gateway in front of it.

mod banner;

use std::{path::PathBuf, sync::Arc, time::Duration};

use nomad_agent::LogHub;
use nomad_forward::Denials;
use tempfile::TempDir;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use crate::{
    Gateway, StartError, Stopper,
    cli::DevArgs,
    console::{Console, say},
    fleet::{Bootstrap, Fleet, FleetOptions, FleetTokens},
    listen::Listener,
};

/// How long answers that have begun may go on after Ctrl-C: streams never end by themselves, so it is short.
const GRACE: Duration = Duration::from_millis(200);

/// What is not gone by then is left to the system: Ctrl-C must end the program within a second.
const END_LIMIT: Duration = Duration::from_millis(900);

/// Runs until Ctrl-C or SIGTERM.
///
/// # Errors
/// [`StartError`] when the fleet or the gateway cannot start.
pub fn run(args: &DevArgs) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(StartError::Runtime)?;
    let ended = runtime.block_on(dev(args));
    runtime.shutdown_timeout(Duration::from_millis(50));
    ended
}

async fn dev(args: &DevArgs) -> Result<(), StartError> {
    let own_log = LogHub::with_outlet("gateway", args.log_level.into(), Arc::new(Console));
    // It fails only when another subscriber stands already, and then that one shows the lines.
    drop(tracing::dispatcher::set_global_default(own_log.dispatch()));

    let stopper = Stopper::new(GRACE);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Signals)?;

    // The gateway's port first: when it is taken, nothing else needs to be started.
    let listener = Listener::bind(args.listen).await?;
    let address = listener.address();
    let data = DataDir::prepare(args.data_dir.as_ref())?;
    let (tokens, bootstrap) = tokens(args)?;
    let options = FleetOptions {
        tokens: tokens.clone(),
        servers: args.servers,
        clients: args.clients,
        log_level: args.log_level.into(),
        outlet: Some(Arc::new(Console)),
        ..FleetOptions::new(data.path())
    };
    let fleet = Fleet::start(&options, &stopper.listen()).await?;
    let denials = if args.tell_denied { Denials::Named } else { Denials::Silent };
    let gateway = Gateway::new(fleet.directory().clone(), tokens).denials(denials);
    let serving = tokio::spawn(gateway.serve(listener, stopper.listen()));
    say(&banner::banner(address, &fleet, &data.path(), bootstrap.as_ref()));

    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    say("\nStopping…\n");
    stopper.stop();
    let ended = timeout(END_LIMIT, async { tokio::join!(serving, fleet.stopped()) }).await;
    if ended.is_err() {
        tracing::warn!("not everything ended in time");
    }
    say("Stopped.\n");
    Ok(())
}

/// Nobody needs a token, or these two.
fn tokens(args: &DevArgs) -> Result<(FleetTokens, Option<Bootstrap>), StartError> {
    if args.acl {
        let (tokens, bootstrap) = FleetTokens::bootstrap()?;
        Ok((tokens, Some(bootstrap)))
    } else {
        Ok((FleetTokens::Disabled, None))
    }
}

/// Where the agents keep their data: the operator's directory, or one that goes away at the end.
enum DataDir {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl DataDir {
    fn prepare(wanted: Option<&PathBuf>) -> Result<Self, StartError> {
        match wanted {
            Some(path) => {
                let failed = |source| StartError::DataDir { path: path.clone(), source };
                std::fs::create_dir_all(path).map_err(failed)?;
                path.canonicalize().map(Self::Kept).map_err(failed)
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
            Self::Kept(path) => path.clone(),
            Self::Temporary(dir) => dir.path().to_owned(),
        }
    }
}
