//! Where access log lines go.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::fd::AsFd as _,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::logging::line_writer::{LineWriter, WriterEvents};

/// So many lines may wait for a slow disk: a second of what one core serves. More are lost, and counted.
const QUEUE_CAPACITY: usize = 16_384;

/// Why there is no access log.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AccessLogError {
    /// The file cannot be opened.
    #[error("cannot write the access log to {}", file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Standard output cannot be used.
    #[error("cannot write the access log to standard output")]
    Stdout(#[source] io::Error),
    /// The thread that writes cannot be started.
    #[error("cannot start the thread that writes the access log")]
    Thread(#[source] io::Error),
}

/// A log with a JSON object on every line. Cheap to clone: all clones are one log.
#[derive(Debug, Clone)]
pub struct AccessLog {
    writer: LineWriter,
}

impl AccessLog {
    /// Appends to a file, which is made when it is not there. It is kept open: let it be rotated by copying it and
    /// cutting it off (`copytruncate`).
    ///
    /// # Errors
    /// [`AccessLogError`] when it cannot be opened.
    pub fn file(path: &Path) -> Result<Self, AccessLogError> {
        let opened = OpenOptions::new().append(true).create(true).open(path);
        let failed = |source| AccessLogError::Open { file: path.to_owned(), source };
        Self::to_writer(opened.map_err(failed)?)
    }

    /// Appends to a file, or writes to standard output when it is called `-`.
    ///
    /// # Errors
    /// As [`AccessLog::file`].
    pub fn from_arg(path: &Path) -> Result<Self, AccessLogError> {
        if path == Path::new("-") { Self::stdout() } else { Self::file(path) }
    }

    /// Writes to standard output.
    ///
    /// # Errors
    /// [`AccessLogError`] when it cannot be used, or the writing thread cannot be started.
    pub fn stdout() -> Result<Self, AccessLogError> {
        // A handle of its own: the library's is locked while it writes, and whoever else speaks would wait for it.
        let own = io::stdout().as_fd().try_clone_to_owned().map_err(AccessLogError::Stdout)?;
        Self::to_writer(File::from(own))
    }

    /// Writes wherever.
    ///
    /// # Errors
    /// [`AccessLogError`] when the writing thread cannot be started.
    pub fn to_writer(out: impl Write + Send + 'static) -> Result<Self, AccessLogError> {
        let lines = LineWriter::start("access-log", QUEUE_CAPACITY, out, AccessLogEvents)
            .map_err(AccessLogError::Thread)?;
        Ok(Self { writer: lines })
    }

    /// Waits until everything that was handed over is written, but not for ever.
    pub async fn flush(&self) {
        self.writer.flush().await;
    }

    /// How many lines were lost so far: for want of room, or because they could not be written.
    #[must_use]
    pub fn lines_lost(&self) -> u64 {
        self.writer.lines_lost()
    }

    /// Hands a line over, which is lost when there is no room for it.
    pub(super) fn write(&self, line: Vec<u8>) {
        self.writer.write(line);
    }
}

/// Says in the gateway's own log how the access log does.
struct AccessLogEvents;

impl WriterEvents for AccessLogEvents {
    fn write_failed(&mut self, error: &io::Error) {
        tracing::error!(error = %error, "the access log cannot be written");
    }

    fn write_resumed(&mut self, lost: u64) -> Option<Vec<u8>> {
        tracing::warn!(lost, "the access log is written again; lines of it were lost");
        None
    }
}
