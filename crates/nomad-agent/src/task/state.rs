//! The state of a task.

use jiff::Timestamp;

/// The state of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TaskState {
    /// Pending, running or dead.
    pub phase: Phase,
    /// The process id while it runs, which is also the id of its process group.
    pub pid: Option<u32>,
    /// When its current or last process was started. `None` means that there was none, and no logs.
    pub started: Option<Timestamp>,
    /// When it became dead.
    pub finished: Option<Timestamp>,
    /// The exit code of its last process, if that exited by itself.
    pub exit_code: Option<i32>,
    /// Number of restarts.
    pub restarts: u32,
}

/// Nomad's three states of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "Nomad knows exactly these three")]
pub enum Phase {
    /// Waiting for its first or next start.
    #[default]
    Pending,
    /// Its process runs.
    Running,
    /// Its last process has ended and no other will follow, or the program could not be started.
    Dead,
}
