//! Why a stream of a file cannot begin or go on, in Nomad's words.

use std::io;

use crate::files::FileError;

/// Why a stream of a file cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// The directory of the logs cannot be read.
    #[error("failed to list entries: {0}")]
    List(#[source] FileError),
    /// There is no such log.
    #[error("log entry for task {task:?} and log type {kind:?} not found")]
    NoLog { task: String, kind: &'static str },
    /// Something that looks like a log file has no number.
    #[error("failed to convert {0:?} to a log index: strconv.Atoi: parsing {0:?}: invalid syntax")]
    Index(String),
    /// A log file is there, and cannot be opened.
    #[error("failed to stream {file:?}: {source}")]
    Open { file: String, source: FileError },
    /// A file cannot be read on.
    #[error("failed to stream {file:?}: {source}")]
    Read { file: String, source: io::Error },
}
