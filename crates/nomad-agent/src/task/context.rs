//! A task's context: all that is needed to start a process as the task.

use std::ffi::OsStr;

use tokio::process::Command;

use super::TaskEnvironment;
use super::spec::TaskSpec;

/// A task's specification and environment.
#[derive(Debug)]
pub(crate) struct TaskContext {
    pub(crate) spec: TaskSpec,
    pub(crate) environment: TaskEnvironment,
}

impl TaskContext {
    /// A command in the task's directory and with the task's environment. Of the agent's own environment only
    /// `PATH` is inherited.
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
