//! The life of a task: start, wait, start again, be dead, stop.
//!
//! ```text
//!            ┌────────────── restart requested ─────────────┐
//!            ▼                                              │
//!  Start ─► (process) ── exited, may restart ───► Wait ─► Start
//!            │  │                                   │
//!            │  └── exited for good ─► Dead ────────┼─ restart of the dead requested ─► Start
//!            └───────── stop ────────────────────► Stopped
//! ```

use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::Signal;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::action::{Action, ResultSender, TaskActionError, send_result};
use super::context::TaskContext;
use super::output::TaskLogs;
use super::process_group::ProcessGroup;
use super::spec::RestartPolicy;
use super::state::{Phase, TaskState};

/// The log target, as Nomad names it.
const TARGET: &str = "client.alloc_runner.task_runner";

/// How long to wait for the last output of a process. The pipes close with the group; only a process that left the
/// group can hold them open, and a task must not wait for that one.
const OUTPUT_DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

/// Runs a task until it is stopped.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) context: Arc<TaskContext>,
    pub(super) state: watch::Sender<TaskState>,
    pub(super) inbox: Inbox,
}

/// Where a runner receives requests.
#[derive(Debug)]
pub(super) struct Inbox {
    /// Becomes true, or loses its sender, when the task must stop for good.
    pub(super) stop: watch::Receiver<bool>,
    pub(super) actions: mpsc::Receiver<Action>,
}

/// What a runner does next.
#[derive(Debug)]
pub(super) enum RunnerState {
    /// Start the process, and notify the requester.
    Start(Option<ResultSender>),
    /// The process has ended by itself: start it again if the policy allows.
    Exited(Option<i32>),
    /// The task is dead, and starts again only on request.
    Dead,
    /// The task has been stopped.
    Stopped,
}

impl Runner {
    /// Runs the task, beginning with `next`.
    pub(super) async fn run(mut self, mut next: RunnerState) {
        let mut attempts = 0;
        loop {
            next = match next {
                RunnerState::Start(requester) => self.run_process(requester).await,
                RunnerState::Exited(code) => self.wait_for_restart(&mut attempts, code).await,
                RunnerState::Dead => self.wait_while_dead().await,
                RunnerState::Stopped => return,
            }
        }
    }

    /// Starts the process and waits for its end.
    async fn run_process(&mut self, requester: Option<ResultSender>) -> RunnerState {
        let spec = &self.context.spec;
        let started = RunningProcess::start(&self.context);
        if let Ok(running) = &started {
            self.state.send_modify(|state| running.set_running(state));
            tracing::info!(target: TARGET, task = spec.name, pid = running.child.id(), "task started");
        }
        if let Some(done) = requester {
            send_result(done, Ok(()));
        }
        let (code, next) = match started {
            Ok(running) => running.wait(&mut self.inbox).await,
            Err(error) => {
                tracing::error!(target: TARGET, task = spec.name, command = %spec.command.display(), %error, "cannot start a task");
                (None, RunnerState::Exited(None))
            }
        };
        tracing::info!(target: TARGET, task = spec.name, exit_code = code, "task ended");
        if let RunnerState::Stopped = next {
            self.set_dead(code);
        }
        next
    }

    /// Waits for the next start, if the policy allows one.
    async fn wait_for_restart(&mut self, attempts: &mut u32, code: Option<i32>) -> RunnerState {
        let delay = match self.context.spec.restart {
            RestartPolicy::Again { attempts: most, delay } if *attempts < most => delay,
            RestartPolicy::Again { .. } | RestartPolicy::Never => {
                self.set_dead(code);
                return RunnerState::Dead;
            }
        };
        *attempts += 1;
        self.state.send_modify(|state| {
            state.phase = Phase::Pending;
            state.pid = None;
            state.exit_code = code;
        });
        let mut pause = std::pin::pin!(sleep(delay));
        loop {
            let action = tokio::select! {
                biased;
                () = asked_to_stop(&mut self.inbox.stop) => {
                    self.set_dead(code);
                    return RunnerState::Stopped;
                }
                () = &mut pause => return RunnerState::Start(None),
                Some(action) = self.inbox.actions.recv() => action,
            };
            match action {
                Action::Restart { include_dead: true, done } => {
                    return RunnerState::Start(Some(done));
                }
                action => action.refuse(),
            }
        }
    }

    /// The task is dead until a restart is requested.
    async fn wait_while_dead(&mut self) -> RunnerState {
        loop {
            let action = tokio::select! {
                biased;
                () = asked_to_stop(&mut self.inbox.stop) => return RunnerState::Stopped,
                Some(action) = self.inbox.actions.recv() => action,
            };
            match action {
                Action::Restart { include_dead: true, done } => {
                    return RunnerState::Start(Some(done));
                }
                action => action.refuse(),
            }
        }
    }

    fn set_dead(&self, exit_code: Option<i32>) {
        self.state.send_modify(|state| {
            state.phase = Phase::Dead;
            state.pid = None;
            state.finished = Some(Timestamp::now());
            state.exit_code = exit_code;
        });
    }
}

async fn asked_to_stop(stop: &mut watch::Receiver<bool>) {
    // An error means that the task was dropped, which is a request to stop as well.
    drop(stop.wait_for(|&stop| stop).await);
}

/// A process and what belongs to it. Fields are dropped in order: the group is killed before its leader is reaped,
/// so its id cannot have been reused.
#[derive(Debug)]
struct RunningProcess {
    group: Option<ProcessGroup>,
    child: Child,
    output: JoinSet<()>,
    kill_timeout: Duration,
}

impl RunningProcess {
    fn start(plan: &TaskContext) -> io::Result<Self> {
        let logs = TaskLogs::open(&plan.environment.logs, &plan.spec)?;
        let mut child = plan
            .command(&plan.spec.command)
            .args(&plan.spec.args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        Ok(Self {
            group: child.id().and_then(ProcessGroup::from_leader),
            output: logs.copy_from(&mut child),
            child,
            kill_timeout: plan.spec.kill_timeout,
        })
    }

    /// Sets the state to running. A task that ran before counts as restarted, whatever the reason.
    fn set_running(&self, state: &mut TaskState) {
        *state = TaskState {
            phase: Phase::Running,
            pid: self.child.id(),
            restarts: state.restarts + u32::from(state.started.is_some()),
            started: Some(Timestamp::now()),
            ..TaskState::default()
        };
    }

    /// Waits until the process has ended, by itself or on request; no process of the group is left afterwards.
    async fn wait(mut self, inbox: &mut Inbox) -> (Option<i32>, RunnerState) {
        let (exit, requested) = loop {
            let action = tokio::select! {
                exit = self.child.wait() => break (exit, None),
                () = asked_to_stop(&mut inbox.stop) => break (self.stop().await, Some(RunnerState::Stopped)),
                Some(action) = inbox.actions.recv() => action,
            };
            match action {
                Action::Signal { signal, done } => send_result(done, self.signal(signal)),
                Action::Restart { done, .. } => {
                    break (self.stop().await, Some(RunnerState::Start(Some(done))));
                }
            }
        };
        drop(self.group.take());
        let rest = async { while self.output.join_next().await.is_some() {} };
        if timeout(OUTPUT_DRAIN_TIMEOUT, rest).await.is_err() {
            tracing::warn!("a process that left its group holds the output of an ended task open");
        }
        let code = exit.ok().as_ref().and_then(ExitStatus::code);
        (code, requested.unwrap_or(RunnerState::Exited(code)))
    }

    fn signal(&self, signal: Signal) -> Result<(), TaskActionError> {
        let group = self.group.as_ref().ok_or(TaskActionError::NotRunning)?;
        group.signal_leader(signal).map_err(TaskActionError::Signal)
    }

    async fn stop(&mut self) -> io::Result<ExitStatus> {
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
