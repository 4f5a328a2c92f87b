//! `nomad-gateway agent`: one reference agent on its own.

mod error;
mod reload;
mod running;
mod tokens;
mod workloads;

pub mod config;

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use nomad_agent::LineStyle;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};

use self::config::Settings;
pub use self::error::{AgentRunError, TokensFileError};
use crate::commands::agent::running::{Departure, RunningAgent};
use crate::{
    ShutdownController, StartError,
    commands::cli::AgentArgs,
    logging::console::{Console, print},
};

/// How long answers that have begun may go on after the signal: streams never end by themselves.
const GRACE: Duration = Duration::from_millis(500);

/// Tasks have their `kill_timeout` and others have to hear the goodbye; what is not gone by then is left to the system.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The data directory holds keys and secrets.
const DATA_DIR_MODE: u32 = 0o700;

/// Runs until SIGINT or SIGTERM; a second one ends it at once. SIGHUP reads the configuration anew.
///
/// # Errors
/// [`AgentRunError`] when the agent cannot start.
pub fn run(args: &AgentArgs) -> Result<(), AgentRunError> {
    let settings = Settings::load(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(StartError::Runtime)?;
    let console = Console::without_agent_names(LineStyle::new().json(settings.agent.log_json))?;
    let ended = runtime.block_on(run_agent(args, settings, &console));
    runtime.shutdown_timeout(Duration::from_millis(50));
    console.flush();
    ended
}

async fn run_agent(
    args: &AgentArgs,
    mut settings: Settings,
    console: &Console,
) -> Result<(), AgentRunError> {
    let mut signals = AgentSignals::listen()?;
    if let Some(dir) = &settings.agent.data_dir {
        settings.agent.data_dir = Some(create_data_dir(dir)?);
    }
    let leave = (settings.leave_on_interrupt, settings.leave_on_terminate);
    let stopper = ShutdownController::new(GRACE);
    let up = RunningAgent::start(args, settings, console, &stopper.subscribe()).await?;
    // What the gossip says in tasks of its own has no other way into the log. It fails only when a subscriber stands
    // already, and then that one has the lines.
    drop(tracing::dispatcher::set_global_default(up.agent.dispatch().clone()));
    console.log_panics();
    print(&banner(&up));
    let goodbye = loop {
        match signals.next().await {
            Wanted::Reload => up.agent.reload().await,
            Wanted::Interrupt if leave.0 => break Departure::Leave,
            Wanted::Terminate if leave.1 => break Departure::Leave,
            Wanted::Interrupt | Wanted::Terminate => break Departure::Shutdown,
        }
    };
    stopper.start_drain();
    tokio::select! {
        ended = timeout(STOP_TIMEOUT, up.stop(goodbye)) => {
            if ended.is_err() {
                tracing::warn!("not everything ended in time");
            }
        }
        () = signals.next_termination() => {}
    }
    Ok(())
}

/// The line that says that it serves.
fn banner(up: &RunningAgent) -> String {
    let config = up.agent.config();
    let scheme = if up.is_tls { "https" } else { "http" };
    let mut line = format!("Agent {} serves {scheme}://{}", config.name, config.http);
    for address in &up.additional_addresses {
        line.push_str(&format!(" and {scheme}://{address}"));
    }
    if let Some(id) = up.agent.server_id() {
        line.push_str(&format!(", server {id} (rpc {}, serf {})", config.rpc, config.serf));
    }
    if let Some(id) = up.agent.node_id() {
        line.push_str(&format!(", client {id}"));
    }
    line.push('\n');
    line
}

fn create_data_dir(dir: &Path) -> Result<PathBuf, AgentRunError> {
    let failed = |source| AgentRunError::DataDir { path: dir.to_owned(), source };
    DirBuilder::new().recursive(true).mode(DATA_DIR_MODE).create(dir).map_err(failed)?;
    dir.canonicalize().map_err(failed)
}

/// The signals that an agent hears.
struct AgentSignals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

enum Wanted {
    Reload,
    Interrupt,
    Terminate,
}

impl AgentSignals {
    fn listen() -> Result<Self, StartError> {
        let hear = |kind| signal(kind).map_err(StartError::Signals);
        Ok(Self {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            hang_up: hear(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Wanted {
        tokio::select! {
            _ = self.interrupt.recv() => Wanted::Interrupt,
            _ = self.terminate.recv() => Wanted::Terminate,
            _ = self.hang_up.recv() => Wanted::Reload,
        }
    }

    /// Returns at the next signal to end.
    async fn next_termination(&mut self) {
        while matches!(self.next().await, Wanted::Reload) {}
    }
}
