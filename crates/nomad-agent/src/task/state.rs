//! Where a task stands.

use jiff::Timestamp;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TaskState {
    /// Pending, running or dead.
    pub phase: Phase,
    /// The process id while it runs, which is also the id of its process group.
    pub pid: Option<u32>,
    /// When its present or last process was started. None means that none ever was, and that there are no logs.
    pub started: Option<Timestamp>,
    /// When it became dead.
    pub finished: Option<Timestamp>,
    /// The exit code of its last process, if that ended by itself.
    pub exit_code: Option<i32>,
    /// How often it was started again.
    pub restarts: u32,
}

/// The three states Nomad knows of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "Nomad knows exactly these three")]
pub enum Phase {
    /// It waits for its first start or for the next one.
    #[default]
    Pending,
    /// Its process runs.
    Running,
    /// Its last process has ended and no other will follow, or the program could not be started at all.
    Dead,
}
