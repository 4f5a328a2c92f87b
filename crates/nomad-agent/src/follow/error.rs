//! Why a stream of a file cannot begin or go on, in Nomad's words.

use std::io;

use nomad_wire::quote;

use crate::files::{FileError, go_error_text};

/// Why a stream of a file cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// The directory of the logs cannot be read.
    #[error("failed to list entries: {0}")]
    List(#[source] FileError),
    /// There is no such log.
    #[error("log entry for task {} and log type {} not found", quote(task), quote(kind))]
    NoLog { task: String, kind: &'static str },
    /// Something that looks like a log file has no number.
    #[error("failed to convert {text} to a log index: strconv.Atoi: parsing {text}: invalid syntax", text = quote(.0))]
    Index(String),
    /// A log file is there, and cannot be opened.
    #[error("failed to stream {}: {source}", quote(file))]
    Open { file: String, source: FileError },
    /// A file cannot be read on.
    #[error("failed to stream {}: {}", quote(file), go_error_text(source))]
    Read { file: String, source: io::Error },
    /// Work was cut short, which only the end of the process does.
    #[error("the agent is stopping")]
    Stopping(#[source] tokio::task::JoinError),
}
