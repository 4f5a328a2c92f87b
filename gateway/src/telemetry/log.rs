//! Where the lines of the access log go: a thread of its own writes them.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use thiserror::Error;
use tokio::{sync::oneshot, time::timeout};

/// So many lines may wait for a slow disk: a second of what one core serves. More are lost, and counted.
const WAITING: usize = 16_384;

/// A disk that needs longer for the last lines keeps nobody from ending.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);

/// Why there is no access log.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// The file cannot be opened.
    #[error("cannot write the access log to {}", file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The thread that writes cannot be started.
    #[error("cannot start the thread that writes the access log")]
    Thread(#[source] io::Error),
}

/// A log with a JSON object on every line. Cheap to clone: all clones are one log.
#[derive(Debug, Clone)]
pub struct AccessLog {
    work: SyncSender<Work>,
}

/// What the writing thread is given.
#[derive(Debug)]
enum Work {
    Line(Vec<u8>),
    /// Say so when everything before is written.
    Flush(oneshot::Sender<()>),
}

impl AccessLog {
    /// Appends to a file, which is made when it is not there. It is kept open: let it be rotated by copying it and
    /// cutting it off (`copytruncate`).
    ///
    /// # Errors
    /// [`LogError`] when it cannot be opened.
    pub fn file(path: &Path) -> Result<Self, LogError> {
        let opened = OpenOptions::new().append(true).create(true).open(path);
        let failed = |source| LogError::Open { file: path.to_owned(), source };
        Self::to(opened.map_err(failed)?)
    }

    /// Appends to a file, or writes to standard output when it is called `-`.
    ///
    /// # Errors
    /// As [`AccessLog::file`].
    pub fn named(path: &Path) -> Result<Self, LogError> {
        if path == Path::new("-") { Self::stdout() } else { Self::file(path) }
    }

    /// Writes to standard output.
    ///
    /// # Errors
    /// [`LogError`] when the writing thread cannot be started.
    pub fn stdout() -> Result<Self, LogError> {
        Self::to(io::stdout())
    }

    /// Writes wherever.
    ///
    /// # Errors
    /// [`LogError`] when the writing thread cannot be started.
    pub fn to(out: impl Write + Send + 'static) -> Result<Self, LogError> {
        let (work, waiting) = sync_channel(WAITING);
        let thread = thread::Builder::new().name("access-log".to_owned());
        let started = thread.spawn(move || write_all(&waiting, out));
        started.map_err(LogError::Thread)?;
        Ok(Self { work })
    }

    /// Waits until everything that was handed over is written, but not for ever.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.work.try_send(Work::Flush(done)).is_ok() {
            // A thread that is gone has nothing left to write.
            drop(timeout(FLUSH_LIMIT, flushed).await);
        }
    }

    /// Hands a line over; false when there is no room for it.
    pub(super) fn write(&self, line: Vec<u8>) -> bool {
        self.work.try_send(Work::Line(line)).is_ok()
    }
}

/// Writes what comes, and flushes whenever nothing more waits. Ends when nobody can send any more.
fn write_all(waiting: &Receiver<Work>, out: impl Write) {
    let mut out = BufWriter::new(out);
    let mut is_told = false;
    while let Ok(first) = waiting.recv() {
        let mut flushes = Vec::new();
        let mut written = Ok(());
        for work in std::iter::once(first).chain(waiting.try_iter()) {
            match work {
                Work::Line(line) => written = written.and_then(|()| out.write_all(&line)),
                Work::Flush(done) => flushes.push(done),
            }
        }
        if let Err(error) = written.and_then(|()| out.flush())
            && !is_told
        {
            tracing::error!(error = %error, "the access log cannot be written");
            is_told = true;
        }
        for done in flushes {
            // Whoever waited may have given up.
            let _given_up = done.send(());
        }
    }
}
