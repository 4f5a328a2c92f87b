//! The life of a task: start, wait, start again, rest, end.
//!
//! ```text
//!            ┌────────────── restart asked for ─────────────┐
//!            ▼                                              │
//!  Start ─► (process) ── ended, may start again ─► Wait ─► Start
//!            │  │                                   │
//!            │  └── ended for good ─► Rest ─────────┼─ restart of the dead asked for ─► Start
//!            └───────── stop ────────────────────► End
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

use super::group::Group;
use super::order::{Done, Order, OrderError, answer};
use super::output::Logs;
use super::plan::Plan;
use super::spec::Restart;
use super::state::{Phase, TaskState};

/// The part of the agent that speaks, as Nomad names it in its log.
const TARGET: &str = "client.alloc_runner.task_runner";

/// How long the last output of a process may take to reach its log. The pipes close with the group; only a process that
/// left the group can hold them open, and a task must not wait for that one.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// Whoever runs a task until it is stopped.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) plan: Arc<Plan>,
    pub(super) state: watch::Sender<TaskState>,
    pub(super) desk: Desk,
}

/// Where requests to a runner arrive.
#[derive(Debug)]
pub(super) struct Desk {
    /// Turns true, or loses its sender, when the task must end for good.
    pub(super) stop: watch::Receiver<bool>,
    pub(super) orders: mpsc::Receiver<Order>,
}

/// What a runner does next.
#[derive(Debug)]
pub(super) enum Turn {
    /// Start the process; whoever asked for it is told.
    Start(Option<Done>),
    /// The process has ended by itself: start it again if the policy says so.
    Ended(Option<i32>),
    /// The task is dead, and can only be brought back.
    Rest,
    /// The task has been stopped.
    End,
}

impl Runner {
    /// Runs the task from `turn` on.
    pub(super) async fn run(mut self, mut turn: Turn) {
        let mut attempts = 0;
        loop {
            turn = match turn {
                Turn::Start(asked) => self.live(asked).await,
                Turn::Ended(code) => self.again(&mut attempts, code).await,
                Turn::Rest => self.rest().await,
                Turn::End => return,
            }
        }
    }

    /// Starts the process and waits for its end.
    async fn live(&mut self, asked: Option<Done>) -> Turn {
        let spec = &self.plan.spec;
        let started = Running::start(&self.plan);
        if let Ok(running) = &started {
            self.state.send_modify(|state| running.describe(state));
            tracing::info!(target: TARGET, task = spec.name, pid = running.child.id(), "task started");
        }
        if let Some(done) = asked {
            answer(done, Ok(()));
        }
        let (code, turn) = match started {
            Ok(running) => running.ended(&mut self.desk).await,
            Err(error) => {
                tracing::error!(target: TARGET, task = spec.name, command = %spec.command.display(), %error, "cannot start a task");
                (None, Turn::Ended(None))
            }
        };
        tracing::info!(target: TARGET, task = spec.name, exit_code = code, "task ended");
        if let Turn::End = turn {
            self.finish(code);
        }
        turn
    }

    /// Waits for the next start, if there is to be one.
    async fn again(&mut self, attempts: &mut u32, code: Option<i32>) -> Turn {
        let delay = match self.plan.spec.restart {
            Restart::Again { attempts: most, delay } if *attempts < most => delay,
            Restart::Again { .. } | Restart::Never => {
                self.finish(code);
                return Turn::Rest;
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
            let order = tokio::select! {
                biased;
                () = asked_to_stop(&mut self.desk.stop) => {
                    self.finish(code);
                    return Turn::End;
                }
                () = &mut pause => return Turn::Start(None),
                Some(order) = self.desk.orders.recv() => order,
            };
            match order {
                Order::Restart { dead_too: true, done } => return Turn::Start(Some(done)),
                order => order.refuse(),
            }
        }
    }

    /// The task is dead until somebody wants it back.
    async fn rest(&mut self) -> Turn {
        loop {
            let order = tokio::select! {
                biased;
                () = asked_to_stop(&mut self.desk.stop) => return Turn::End,
                Some(order) = self.desk.orders.recv() => order,
            };
            match order {
                Order::Restart { dead_too: true, done } => return Turn::Start(Some(done)),
                order => order.refuse(),
            }
        }
    }

    fn finish(&self, exit_code: Option<i32>) {
        self.state.send_modify(|state| {
            state.phase = Phase::Dead;
            state.pid = None;
            state.finished = Some(Timestamp::now());
            state.exit_code = exit_code;
        });
    }
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
    fn start(plan: &Plan) -> io::Result<Self> {
        let logs = Logs::open(&plan.home.logs, &plan.spec)?;
        let mut child = plan
            .command(&plan.spec.command)
            .args(&plan.spec.args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        Ok(Self {
            group: child.id().and_then(Group::led_by),
            output: logs.copy_from(&mut child),
            child,
            kill_timeout: plan.spec.kill_timeout,
        })
    }

    /// Says that it runs. A task that ran before has been restarted, whoever wanted it.
    fn describe(&self, state: &mut TaskState) {
        *state = TaskState {
            phase: Phase::Running,
            pid: self.child.id(),
            restarts: state.restarts + u32::from(state.started.is_some()),
            started: Some(Timestamp::now()),
            ..TaskState::default()
        };
    }

    /// Waits until the process has ended, by itself or because it was asked to; nothing of it is left afterwards.
    async fn ended(mut self, desk: &mut Desk) -> (Option<i32>, Turn) {
        let (exit, asked) = loop {
            let order = tokio::select! {
                exit = self.child.wait() => break (exit, None),
                () = asked_to_stop(&mut desk.stop) => break (self.stopped().await, Some(Turn::End)),
                Some(order) = desk.orders.recv() => order,
            };
            match order {
                Order::Signal { signal, done } => answer(done, self.signal(signal)),
                Order::Restart { done, .. } => {
                    break (self.stopped().await, Some(Turn::Start(Some(done))));
                }
            }
        };
        drop(self.group.take());
        let rest = async { while self.output.join_next().await.is_some() {} };
        if timeout(LAST_OUTPUT, rest).await.is_err() {
            tracing::warn!("a process that left its group holds the output of an ended task open");
        }
        let code = exit.ok().as_ref().and_then(ExitStatus::code);
        (code, asked.unwrap_or(Turn::Ended(code)))
    }

    fn signal(&self, signal: Signal) -> Result<(), OrderError> {
        let group = self.group.as_ref().ok_or(OrderError::NotRunning)?;
        group.signal_leader(signal).map_err(OrderError::Signal)
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
