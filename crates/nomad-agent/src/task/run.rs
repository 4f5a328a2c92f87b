//! The life of a task: start, wait, start again, end.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use jiff::Timestamp;

use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Home;
use super::group::Group;
use super::output::Logs;
use super::spec::{Restart, TaskSpec};
use super::state::{Phase, TaskState};

/// The part of the agent that speaks, as Nomad names it in its log.
const TARGET: &str = "client.alloc_runner.task_runner";

/// How long the last output of a process may take to reach its log. The pipes close with the group; only a process that
/// left the group can hold them open, and a task must not wait for that one.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// Runs a task until it is dead. `stop` turning true, or its sender going away, ends it.
pub(crate) async fn run(
    spec: TaskSpec,
    home: Home,
    state: watch::Sender<TaskState>,
    mut stop: watch::Receiver<bool>,
) {
    let mut starts = 0;
    loop {
        let exit = match Running::start(&spec, &home) {
            Ok(running) => {
                state.send_modify(|state| running.describe(state, starts));
                tracing::info!(target: TARGET, task = spec.name, pid = running.child.id(), "task started");
                running.ended(&mut stop).await
            }
            Err(error) => {
                tracing::error!(target: TARGET, task = spec.name, command = %spec.command.display(), %error, "cannot start a task");
                None
            }
        };
        starts += 1;
        let code = exit.and_then(|exit| exit.code());
        tracing::info!(target: TARGET, task = spec.name, exit_code = code, "task ended");
        if !again(spec.restart, starts, &mut stop, &state).await {
            return state.send_modify(|state| finish(state, code));
        }
    }
}

/// Waits for the next start, if there is to be one.
async fn again(
    restart: Restart,
    starts: u32,
    stop: &mut watch::Receiver<bool>,
    state: &watch::Sender<TaskState>,
) -> bool {
    let Restart::Again { attempts, delay } = restart else {
        return false;
    };
    if starts > attempts {
        return false;
    }
    state.send_modify(|state| {
        state.phase = Phase::Pending;
        state.pid = None;
    });
    tokio::select! {
        biased;
        () = asked_to_stop(stop) => false,
        () = sleep(delay) => true,
    }
}

fn finish(state: &mut TaskState, exit_code: Option<i32>) {
    state.phase = Phase::Dead;
    state.pid = None;
    state.finished = Some(Timestamp::now());
    state.exit_code = exit_code;
}

async fn asked_to_stop(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could ask, which is a request as well.
    drop(stop.wait_for(|&stop| stop).await);
}

/// A process and what hangs on it. The order of the fields is the order of dropping: the group is killed while its
/// leader is not reaped yet, so that its id cannot belong to anybody else.
#[derive(Debug)]
struct Running {
    group: Option<Group>,
    child: Child,
    output: JoinSet<()>,
    kill_timeout: Duration,
}

impl Running {
    fn start(spec: &TaskSpec, home: &Home) -> io::Result<Self> {
        let logs = Logs::open(&home.logs, spec)?;
        let mut child = Command::new(&spec.command)
            .args(&spec.args)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(&home.env)
            .envs(&spec.env)
            .current_dir(&home.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self {
            group: child.id().and_then(Group::led_by),
            output: logs.copy_from(&mut child),
            child,
            kill_timeout: spec.kill_timeout,
        })
    }

    fn describe(&self, state: &mut TaskState, restarts: u32) {
        *state = TaskState {
            phase: Phase::Running,
            pid: self.child.id(),
            started: Some(Timestamp::now()),
            restarts,
            ..TaskState::default()
        };
    }

    /// Waits until the process has ended, by itself or because it was asked to; nothing of it is left afterwards.
    async fn ended(mut self, stop: &mut watch::Receiver<bool>) -> Option<ExitStatus> {
        let exit = tokio::select! {
            exit = self.child.wait() => exit,
            () = asked_to_stop(stop) => self.stopped().await,
        };
        drop(self.group.take());
        let rest = async { while self.output.join_next().await.is_some() {} };
        if timeout(LAST_OUTPUT, rest).await.is_err() {
            tracing::warn!("a process that left its group holds the output of an ended task open");
        }
        exit.ok()
    }

    async fn stopped(&mut self) -> io::Result<ExitStatus> {
        if let Some(group) = &mut self.group {
            group.interrupt();
        }
        if let Ok(exit) = timeout(self.kill_timeout, self.child.wait()).await {
            return exit;
        }
        drop(self.group.take());
        self.child.wait().await
    }
}
