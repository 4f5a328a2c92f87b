//! Copies the output of a process into its log files.

use std::path::Path;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio::task::{JoinSet, spawn_blocking};
use tracing::instrument::WithSubscriber as _;

use super::rotator::LogRotator;
use super::spec::TaskSpec;

/// The capacity of a Linux pipe: one read never yields more.
const PIPE_SIZE: usize = 64 * 1024;

/// The log files of one task, opened before its process is started, so that they exist from the start.
#[derive(Debug)]
pub(crate) struct TaskLogs {
    stdout: LogRotator,
    stderr: LogRotator,
}

impl TaskLogs {
    pub(crate) fn open(directory: &Path, spec: &TaskSpec) -> std::io::Result<Self> {
        let open = |kind| LogRotator::open(directory, format!("{}.{kind}.", spec.name), spec.logs);
        Ok(Self { stdout: open("stdout")?, stderr: open("stderr")? })
    }

    /// Copies what `child` writes until its pipes are closed. Dropping the set ends the copying.
    pub(crate) fn copy_from(self, child: &mut Child) -> JoinSet<()> {
        let mut copies = JoinSet::new();
        if let Some(pipe) = child.stdout.take() {
            copies.spawn(copy_to_log(pipe, self.stdout).with_current_subscriber());
        }
        if let Some(pipe) = child.stderr.take() {
            copies.spawn(copy_to_log(pipe, self.stderr).with_current_subscriber());
        }
        copies
    }
}

/// A task that cannot be logged still runs: its output is drained, so that it does not block on a full pipe.
async fn copy_to_log(mut pipe: impl AsyncRead + Unpin, mut log: LogRotator) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(PIPE_SIZE);
        match pipe.read_buf(&mut buffer).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
        let chunk = buffer.split();
        let write = spawn_blocking(move || {
            let written = log.write(&chunk);
            (log, written)
        });
        match write.await {
            Ok((returned, written)) => {
                log = returned;
                if let Err(error) = written {
                    tracing::warn!(%error, "cannot write the log of a task");
                }
            }
            // The runtime is shutting down.
            Err(_) => return,
        }
    }
}
