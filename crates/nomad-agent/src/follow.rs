//! Growing files as streams of reads.
//!
//! What to read next is decided by [`Follow`] machines that know neither a clock nor a runtime: [`FileTail`] for one
//! file, [`LogTail`] for the rotated files of a log. [`pump`] drives one of them and makes frames of its reads. Files
//! are looked at every [`POLL_INTERVAL`](pump::POLL), not waited for by inotify: a poll works on every file system, costs a few
//! system calls, and cannot overflow.

mod disk;
mod error;
mod file;
mod log;
mod pump;
mod start_position;
mod tail;

use std::sync::Arc;

pub(crate) use disk::{DiskFile, DiskLogs};
pub(crate) use error::StreamError;
pub(crate) use file::FileTail;
pub(crate) use log::LogTail;
pub(crate) use pump::pump;

/// Something happened to the file; Nomad's word for it in `FileEvent`.
const DELETED: &str = "file deleted";
/// The same, for a file that was cut.
const TRUNCATED: &str = "file truncated";

/// What one step of a machine gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Bytes, an event, or both.
    Read(Chunk),
    /// Nothing now: ask again a little later.
    Wait,
    /// Nothing ever again.
    End,
}

/// What one read gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// The file, as frames name it.
    pub(crate) file: Arc<str>,
    /// What happened to the file before these bytes; empty if nothing did.
    pub(crate) event: &'static str,
    pub(crate) data: Vec<u8>,
    /// The position in the file just after these bytes.
    pub(crate) position: u64,
}

/// What there is to read next. A step may look at files, and therefore belongs on a thread that may block.
pub(crate) trait Follow: Send + 'static {
    /// Takes one step.
    fn step(&mut self) -> Result<Step, StreamError>;
}

/// Whether the end of what is there is the end of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FollowMode {
    /// Read what is there, then end.
    ToEnd,
    /// Wait for more.
    Forever,
}

impl FollowMode {
    /// The meaning of the query parameter `follow`.
    pub(crate) fn from_follow(follow: bool) -> Self {
        if follow { Self::Forever } else { Self::ToEnd }
    }
}
