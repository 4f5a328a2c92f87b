//! The system journal, read with `journalctl`.

use std::{io, path::Path, process::Stdio, time::Duration};

use nomad_wire::query::ExportQuery;
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, ChildStderr, Command},
};

use super::copy_to_frames;
use crate::{duration::go_duration, error::AgentError, frame_writer::FrameWriter};

/// Limit of the stderr output, which is buffered until stdout is sent.
const MAX_STDERR: u64 = 64 * 1024;

/// A running reader of the journal; dropping it kills the process.
#[derive(Debug)]
pub(super) struct Journal {
    child: Child,
}

impl Journal {
    /// Starts to read the journal of a service, whose name is already checked.
    ///
    /// # Errors
    /// 500 when there is no journal here.
    pub(super) fn open(
        program: &Path,
        service: &str,
        wanted: &ExportQuery,
    ) -> Result<Self, AgentError> {
        if !cfg!(target_os = "linux") {
            return Err(AgentError::internal("journald log monitoring only available on linux"));
        }
        let mut command = Command::new(program);
        command.args(["-xu", service, "--since", &format!("{} ago", go_text(wanted.logs_since))]);
        if wanted.follow {
            command.arg("-f");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let spawned = command.kill_on_drop(true).spawn();
        let child =
            spawned.map_err(|error| AgentError::internal(spawn_error_text(program, &error)))?;
        Ok(Self { child })
    }

    /// Sends its output in frames: first stdout, then stderr.
    pub(super) async fn run(mut self, mut frames: FrameWriter) -> Result<(), AgentError> {
        let failed =
            |error: io::Error| AgentError::internal(format!("reading the journal: {error}"));
        let (found, complaint) = (self.child.stdout.take(), self.child.stderr.take());
        let found = async {
            match found {
                Some(found) => copy_to_frames(found, &mut frames).await,
                None => Ok(()),
            }
        };
        // Both at once: a program whose stderr is not read blocks halfway.
        let (found, complaint) = tokio::join!(found, read_stderr(complaint));
        found.map_err(failed)?;
        copy_to_frames(complaint.map_err(failed)?.as_slice(), &mut frames).await.map_err(failed)?;
        frames.finish().await;
        // Reaped here, so that it does not stay behind as a zombie.
        self.child.wait().await.map(drop).map_err(failed)
    }
}

/// The stderr output up to a limit; the rest is read and discarded.
async fn read_stderr(from: Option<ChildStderr>) -> io::Result<Vec<u8>> {
    let mut heard = Vec::new();
    if let Some(mut from) = from {
        (&mut from).take(MAX_STDERR).read_to_end(&mut heard).await?;
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    }
    Ok(heard)
}

fn go_text(duration: Duration) -> String {
    go_duration(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

/// Go's text for a program that does not exist.
fn spawn_error_text(program: &Path, error: &io::Error) -> String {
    let program = nomad_wire::quote(&program.to_string_lossy());
    if error.kind() == io::ErrorKind::NotFound {
        format!("exec: {program}: executable file not found in $PATH")
    } else {
        format!("exec: {program}: {error}")
    }
}
