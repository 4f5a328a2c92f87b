//! Actions on the tasks of an allocation.

use rustix::process::Signal;

use super::Allocation;
use crate::task::{Phase, Task, TaskActionError};

/// Why an action failed. The texts are Nomad's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllocActionError {
    /// A task name and all tasks were both given.
    #[error("task name cannot be set when restarting all tasks")]
    NameAndAll,
    /// There is no such task to restart.
    #[error("Could not find task runner for task: {0}")]
    NoRunner(String),
    /// There is no such task to signal.
    #[error("Task not found")]
    NoTask,
    /// All its tasks are dead, or it has been collected.
    #[error("restart of an alloc that should not run")]
    ShouldNotRun,
    /// An unknown signal name.
    #[error("invalid signal: {0}")]
    UnknownSignal(String),
    /// The task refused it.
    #[error(transparent)]
    Task(#[from] TaskActionError),
    /// Several tasks refused it.
    #[error("{}", multi_error(.0))]
    Multiple(Vec<String>),
}

impl Allocation {
    /// Restarts one running task.
    ///
    /// # Errors
    /// [`AllocActionError::NoRunner`], [`AllocActionError::Task`].
    pub async fn restart_task(&self, name: &str) -> Result<(), AllocActionError> {
        let task = self.task(name).ok_or_else(|| AllocActionError::NoRunner(name.to_owned()))?;
        Ok(task.restart().await?)
    }

    /// Restarts the running tasks, and with [`RestartScope::All`] also those that have ended.
    ///
    /// # Errors
    /// [`AllocActionError::ShouldNotRun`] when none runs, [`AllocActionError::Multiple`].
    pub async fn restart_tasks(&self, all: RestartScope) -> Result<(), AllocActionError> {
        if self.is_terminal() || self.is_collected() {
            return Err(AllocActionError::ShouldNotRun);
        }
        let mut failed = Vec::new();
        for task in self.tasks() {
            let restarted = match all {
                RestartScope::Running if task.state().phase != Phase::Running => continue,
                RestartScope::Running => task.restart().await,
                RestartScope::All => task.revive().await,
            };
            if let Err(error) = restarted {
                failed.push(format!("Failed to restart task: {}, err: {error}", task.name()));
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(AllocActionError::Multiple(failed)) }
    }

    /// Sends a signal to one task, or to all of them when no name is given.
    ///
    /// # Errors
    /// [`AllocActionError::NoTask`], [`AllocActionError::UnknownSignal`], [`AllocActionError::Task`],
    /// [`AllocActionError::Multiple`].
    pub async fn signal(&self, name: Option<&str>, signal: &str) -> Result<(), AllocActionError> {
        if let Some(name) = name {
            return send_signal(self.task(name).ok_or(AllocActionError::NoTask)?, signal).await;
        }
        let mut failed = Vec::new();
        for task in self.tasks() {
            if let Err(error) = send_signal(task, signal).await {
                failed.push(format!("Failed to signal task: {}, err: {error}", task.name()));
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(AllocActionError::Multiple(failed)) }
    }
}

/// Which tasks are restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "Nomad knows exactly these two")]
pub enum RestartScope {
    /// The running ones.
    Running,
    /// All of them, dead ones included.
    All,
}

/// Reports that a task does not run before an error in the signal's name.
async fn send_signal(task: &Task, name: &str) -> Result<(), AllocActionError> {
    if task.state().phase != Phase::Running {
        return Err(TaskActionError::NotRunning.into());
    }
    let signal =
        parse_signal(name).ok_or_else(|| AllocActionError::UnknownSignal(name.to_owned()))?;
    Ok(task.signal(signal).await?)
}

/// The signals that have a name on Linux.
fn parse_signal(name: &str) -> Option<Signal> {
    Some(match name {
        "SIGABRT" | "SIGIOT" => Signal::ABORT,
        "SIGALRM" => Signal::ALARM,
        "SIGBUS" => Signal::BUS,
        "SIGCHLD" => Signal::CHILD,
        "SIGCONT" => Signal::CONT,
        "SIGFPE" => Signal::FPE,
        "SIGHUP" => Signal::HUP,
        "SIGILL" => Signal::ILL,
        "SIGINT" => Signal::INT,
        "SIGIO" => Signal::IO,
        "SIGKILL" => Signal::KILL,
        "SIGPIPE" => Signal::PIPE,
        "SIGPROF" => Signal::PROF,
        "SIGQUIT" => Signal::QUIT,
        "SIGSEGV" => Signal::SEGV,
        "SIGSTOP" => Signal::STOP,
        "SIGSYS" => Signal::SYS,
        "SIGTERM" => Signal::TERM,
        "SIGTRAP" => Signal::TRAP,
        "SIGTSTP" => Signal::TSTP,
        "SIGTTIN" => Signal::TTIN,
        "SIGTTOU" => Signal::TTOU,
        "SIGURG" => Signal::URG,
        "SIGUSR1" => Signal::USR1,
        "SIGUSR2" => Signal::USR2,
        "SIGWINCH" => Signal::WINCH,
        "SIGXCPU" => Signal::XCPU,
        "SIGXFSZ" => Signal::XFSZ,
        _ => return None,
    })
}

/// Several errors in one text, in the format of Nomad's multi-errors.
fn multi_error(errors: &[String]) -> String {
    let noun = if errors.len() == 1 { "error" } else { "errors" };
    let lines: String = errors.iter().map(|error| format!("\t* {error}\n")).collect();
    format!("{} {noun} occurred:\n{lines}\n", errors.len())
}
