//! A reference Nomad agent.

mod alloc;
mod duration;
mod files;
mod follow;
mod log;
mod task;

pub use self::alloc::{AllocDir, AllocSpec, Allocation, Allocations, StartError};
pub use self::files::FileError;
pub use self::log::{Entry, LOG_QUEUE, LineStyle, LogFeed, LogHub, LogLine, LogOutlet, Value};
pub use self::task::{LogLimits, Phase, Restart, Task, TaskSpec, TaskState};
