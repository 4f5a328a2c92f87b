//! Tasks: real processes, each in a group of its own, with rotated logs.

mod action;
mod check;
mod context;
mod output;
mod process_group;
mod rotator;
mod runner;
mod spec;
mod state;
mod watchdog;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::process::Signal;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::instrument::WithSubscriber as _;

use action::Action;
pub use action::TaskActionError;
pub use check::{Check, CheckMode, CheckType};
pub(crate) use context::TaskContext;
pub(crate) use process_group::ProcessGroup;
#[cfg(test)]
pub(crate) use rotator::LogRotator;
use runner::{Inbox, Runner, RunnerState};
pub use spec::{LogLimits, RestartPolicy, TaskSpec};
pub use state::{Phase, TaskState};

/// Actions queued for a busy runner; a further sender waits.
const ACTION_QUEUE: usize = 8;

/// A task's directories and environment variables.
#[derive(Debug, Clone)]
pub(crate) struct TaskEnvironment {
    /// Its working directory.
    pub(crate) directory: PathBuf,
    /// The directory of the log files, shared by the tasks of an allocation.
    pub(crate) logs: PathBuf,
    /// Environment variables that describe the task's location.
    pub(crate) env: BTreeMap<String, String>,
}

/// A started task. Dropping it kills all of its processes; [`Task::stop`] lets it end first.
#[derive(Debug)]
pub struct Task {
    context: Arc<TaskContext>,
    state: watch::Receiver<TaskState>,
    stop: watch::Sender<bool>,
    actions: mpsc::Sender<Action>,
    runner: JoinHandle<()>,
}

impl Task {
    /// Starts the task, or leaves it dead if it was already. Needs a tokio runtime.
    pub(crate) fn start(spec: TaskSpec, environment: TaskEnvironment, previous: TaskState) -> Self {
        let context = Arc::new(TaskContext { spec, environment });
        let first = if previous.phase == Phase::Dead {
            RunnerState::Dead
        } else {
            RunnerState::Start(None)
        };
        let (state_sender, state) = watch::channel(previous);
        let (stop, stop_receiver) = watch::channel(false);
        let (actions, action_receiver) = mpsc::channel(ACTION_QUEUE);
        let inbox = Inbox { stop: stop_receiver, actions: action_receiver };
        let runner = Runner { context: Arc::clone(&context), state: state_sender, inbox };
        let runner = tokio::spawn(runner.run(first).with_current_subscriber());
        Self { context, state, stop, actions, runner }
    }

    /// Its name within the allocation.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.context.spec.name
    }

    /// Its specification.
    #[must_use]
    pub fn spec(&self) -> &TaskSpec {
        &self.context.spec
    }

    /// What is needed to start another process in its context.
    pub(crate) fn context(&self) -> &Arc<TaskContext> {
        &self.context
    }

    /// Its current state.
    #[must_use]
    pub fn state(&self) -> TaskState {
        *self.state.borrow()
    }

    /// Every change of its state from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<TaskState> {
        self.state.clone()
    }

    /// Ends its process and starts it again, without delay and without counting it as an attempt of the restart
    /// policy.
    ///
    /// # Errors
    /// [`TaskActionError::NotRunning`].
    ///
    /// # Cancel safety
    /// Once sent, the action is carried out even if the future is dropped.
    pub async fn restart(&self) -> Result<(), TaskActionError> {
        self.send_action(|done| Action::Restart { include_dead: false, done }).await
    }

    /// As `restart`, for a task in any state: a dead one is started again.
    ///
    /// # Errors
    /// [`TaskActionError::NotRunning`] if it was stopped for good.
    pub async fn revive(&self) -> Result<(), TaskActionError> {
        self.send_action(|done| Action::Restart { include_dead: true, done }).await
    }

    /// Sends a signal to its process, not to the process's children.
    ///
    /// # Errors
    /// [`TaskActionError::NotRunning`], or the operating system's error.
    pub(crate) async fn signal(&self, signal: Signal) -> Result<(), TaskActionError> {
        self.send_action(|done| Action::Signal { signal, done }).await
    }

    async fn send_action(
        &self,
        order: impl FnOnce(action::ResultSender) -> Action,
    ) -> Result<(), TaskActionError> {
        let (done, answer) = oneshot::channel();
        // A runner that is gone, or goes before it responds, belongs to a task that was stopped.
        let gone = TaskActionError::NotRunning;
        self.actions.send(order(done)).await.map_err(|_| gone.clone())?;
        answer.await.unwrap_or(Err(gone))
    }

    /// Waits until `wanted` holds for its state, or until it is dead.
    ///
    /// # Cancel safety
    /// Can be dropped at any time.
    pub async fn wait_for(&self, wanted: impl Fn(&TaskState) -> bool) -> TaskState {
        let mut state = self.state.clone();
        let seen = state.wait_for(|state| wanted(state) || state.phase == Phase::Dead);
        seen.await.map_or_else(|_| self.state(), |state| *state)
    }

    /// Requests the task's end and returns at once.
    pub(crate) fn request_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Requests the task's end and waits until all its processes are gone. It is killed after its `kill_timeout`.
    ///
    /// # Cancel safety
    /// The request stands even if the future is dropped.
    pub async fn stop(&self) {
        self.request_stop();
        self.wait_for(|state| state.phase == Phase::Dead).await;
        // A dead task only has to be forgotten: with its runner goes the only way to start it again.
        self.actions.closed().await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.runner.abort();
    }
}

#[cfg(test)]
mod tests;
