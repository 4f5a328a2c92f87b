//! Growing files as streams of reads.
//!
//! What to read next is decided by [`Follow`] state machines that know neither a clock nor a runtime: [`FileTail`]
//! for one file, [`LogTail`] for the rotated files of a log. [`pump`] drives one of them and turns its reads into
//! frames. Files are polled every [`POLL_INTERVAL`](pump::POLL_INTERVAL) instead of watched with inotify: a poll
//! works on every file system, costs a few system calls, and cannot overflow.

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

/// The file was deleted; Nomad's text in `FileEvent`.
const DELETED: &str = "file deleted";
/// The file was truncated.
const TRUNCATED: &str = "file truncated";

/// The result of one step of a state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Bytes, an event, or both.
    Read(Chunk),
    /// Nothing now: try again a little later.
    Wait,
    /// The end of the stream.
    End,
}

/// The result of one read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// The file's name in frames.
    pub(crate) file: Arc<str>,
    /// What happened to the file before these bytes; empty if nothing did.
    pub(crate) event: &'static str,
    pub(crate) data: Vec<u8>,
    /// The position in the file just after these bytes.
    pub(crate) position: u64,
}

/// Decides what to read next. A step may read files, so call it on a thread that may block.
pub(crate) trait Follow: Send + 'static {
    /// Takes one step.
    fn step(&mut self) -> Result<Step, StreamError>;
}

/// Whether a stream ends where the file ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FollowMode {
    /// Reads to the end, then ends.
    ToEnd,
    /// Waits for more.
    Forever,
}

impl FollowMode {
    /// The meaning of the query parameter `follow`.
    pub(crate) fn from_follow(follow: bool) -> Self {
        if follow { Self::Forever } else { Self::ToEnd }
    }
}
