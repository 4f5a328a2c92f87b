//! Why a stream of a file cannot start or continue, in Nomad's text.

use std::io;

use nomad_wire::quote;

use crate::files::{FileError, go_error_text};

/// Why a stream of a file cannot start or continue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// The log directory cannot be read.
    #[error("failed to list entries: {0}")]
    List(#[source] FileError),
    /// There is no such log.
    #[error("log entry for task {} and log type {} not found", quote(task), quote(kind))]
    NoLog { task: String, kind: &'static str },
    /// A name like that of a log file has no number.
    #[error("failed to convert {text} to a log index: strconv.Atoi: parsing {text}: invalid syntax", text = quote(.0))]
    Index(String),
    /// A log file exists and cannot be opened.
    #[error("failed to stream {}: {source}", quote(file))]
    Open { file: String, source: FileError },
    /// Reading a file failed.
    #[error("failed to stream {}: {}", quote(file), go_error_text(source))]
    Read { file: String, source: io::Error },
    /// Work was cancelled, which happens only at the end of the process.
    #[error("the agent is stopping")]
    Stopping(#[source] tokio::task::JoinError),
}
