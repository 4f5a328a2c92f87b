//! What a task is and where it lives: all that is needed to start something in its place.

use std::ffi::OsStr;

use tokio::process::Command;

use super::TaskEnvironment;
use super::spec::TaskSpec;

/// What a task is and where it lives.
#[derive(Debug)]
pub(crate) struct TaskContext {
    pub(crate) spec: TaskSpec,
    pub(crate) environment: TaskEnvironment,
}

impl TaskContext {
    /// A command in the task's directory and with the task's environment. Nothing of the agent's own is inherited
    /// but `PATH`.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(&self.environment.env)
            .envs(&self.spec.env)
            .current_dir(&self.environment.directory)
            .kill_on_drop(true);
        command
    }
}
