//! The specification of a task.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::Check;

/// Time between the request to end and the kill. Nomad's default is five seconds; the tasks of this agent are short
/// programs, and a node should stop quickly.
const KILL_TIMEOUT: Duration = Duration::from_millis(500);

/// One task of an allocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSpec {
    /// The name, also of the task's directory and the prefix of its log files.
    pub name: String,
    /// The program, looked up in `PATH` when it has no slash.
    pub command: PathBuf,
    /// Its arguments, without the name of the program.
    pub args: Vec<String>,
    /// Its environment: only `PATH` is inherited, so that the secrets of the agent stay with the agent.
    pub env: BTreeMap<String, String>,
    /// What happens when the program exits.
    pub restart: RestartPolicy,
    /// How much of its output is stored.
    pub logs: LogLimits,
    /// Time to end before it is killed.
    pub kill_timeout: Duration,
    /// Its checks.
    #[serde(default)]
    pub checks: Vec<Check>,
}

impl TaskSpec {
    /// A task that runs `command` once, with Nomad's log limits.
    pub fn new(name: impl Into<String>, command: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            command: command.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            restart: RestartPolicy::Never,
            logs: LogLimits::default(),
            kill_timeout: KILL_TIMEOUT,
            checks: Vec::new(),
        }
    }

    /// The same task with these arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args = args.into_iter().map(Into::into).collect();
        self
    }

    /// The same task with this restart policy.
    #[must_use]
    pub const fn restart(mut self, restart: RestartPolicy) -> Self {
        self.restart = restart;
        self
    }

    /// The same task with one more check.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }
}

/// What happens when the program of a task exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_enums, reason = "a runner that forgets a policy must not compile")]
pub enum RestartPolicy {
    /// The task is dead.
    Never,
    /// It is started again, at most `attempts` times, after `delay` each time.
    Again {
        /// Maximum number of restarts.
        attempts: u32,
        /// The pause before each start.
        delay: Duration,
    },
}

/// How much of the output of a task is stored, per stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLimits {
    /// Maximum number of files.
    pub max_files: NonZeroUsize,
    /// A new file starts when the live one has about this many bytes.
    pub max_file_size: u64,
}

impl Default for LogLimits {
    /// Ten files of 10 MiB, the default of Nomad's `logs` block.
    fn default() -> Self {
        Self { max_files: NonZeroUsize::MIN.saturating_add(9), max_file_size: 10 * 1024 * 1024 }
    }
}
