//! Tasks: real processes, each in a group of its own, with rotated logs.

mod group;
mod output;
mod rotate;
mod run;
mod spec;
mod state;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::instrument::WithSubscriber as _;

#[cfg(test)]
pub(crate) use rotate::Rotator;
pub use spec::{LogLimits, Restart, TaskSpec};
pub use state::{Phase, TaskState};

/// Where a task lives.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    /// The directory it runs in.
    pub(crate) directory: PathBuf,
    /// The directory of the log files, shared by the tasks of an allocation.
    pub(crate) logs: PathBuf,
    /// What it is told about its place.
    pub(crate) env: BTreeMap<String, String>,
}

/// A started task. Dropping it kills every process of it; [`Task::stop`] asks first.
#[derive(Debug)]
pub struct Task {
    name: String,
    state: watch::Receiver<TaskState>,
    stop: watch::Sender<bool>,
    runner: JoinHandle<()>,
}

impl Task {
    /// Starts the task. Needs a tokio runtime.
    pub(crate) fn start(spec: TaskSpec, home: Home) -> Self {
        let name = spec.name.clone();
        let (told, state) = watch::channel(TaskState::default());
        let (stop, asked) = watch::channel(false);
        let runner = tokio::spawn(run::run(spec, home, told, asked).with_current_subscriber());
        Self { name, state, stop, runner }
    }

    /// Its name within the allocation.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it stands now.
    #[must_use]
    pub fn state(&self) -> TaskState {
        *self.state.borrow()
    }

    /// Waits until `wanted` is true of its state, or until it is dead.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn reached(&self, wanted: impl Fn(&TaskState) -> bool) -> TaskState {
        let mut state = self.state.clone();
        let seen = state.wait_for(|state| wanted(state) || state.phase == Phase::Dead);
        seen.await.map_or_else(|_| self.state(), |state| *state)
    }

    /// Asks the task to end and returns at once.
    pub(crate) fn ask_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Asks the task to end and waits until all of it is gone. Ends by force after its `kill_timeout`.
    ///
    /// # Cancel safety
    /// The request stands even if nobody waits for the end.
    pub async fn stop(&self) {
        self.ask_to_stop();
        self.reached(|state| state.phase == Phase::Dead).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.runner.abort();
    }
}

#[cfg(test)]
mod tests;
