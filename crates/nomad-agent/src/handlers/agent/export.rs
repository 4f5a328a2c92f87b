//! `/v1/agent/monitor/export`

mod journal;
mod service_name;

use std::{io, path::PathBuf};

use http::{Response, StatusCode, Uri};
use nomad_frames::FramerConfig;
use nomad_wire::{Call, Query, call::Params, query::ExportQuery};
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncReadExt as _},
    time,
};

use super::monitor::check_target;
use crate::{
    agent::Agent,
    body::{Body, ChunkSender},
    error::AgentError,
    frame_writer::{FrameWriter, StreamFormat},
    response,
};

/// Bytes per read, as in Nomad.
const READ_SIZE: usize = 512;

/// Errors that are reported before authorization.
///
/// # Errors
/// The first error, in Nomad's order.
pub(crate) fn check(call: &Call) -> Result<&ExportQuery, AgentError> {
    let Params::Export(wanted) = call.params.as_ref().map_err(Clone::clone)? else {
        return Err(AgentError::UnknownPath);
    };
    if let Some(name) = &wanted.service_name {
        service_name::check(name)?;
    }
    call.common.clone()?;
    Ok(wanted)
}

/// Past log lines: the agent's log file, or the journal of a service.
pub(crate) async fn export(
    agent: &Agent,
    call: &Call,
    uri: &Uri,
) -> Result<Response<Body>, AgentError> {
    let wanted = check(call)?;
    check_target(agent, call, &Query::from_uri(uri))?;
    let form = StreamFormat::from_plain(wanted.plain);
    let body = match &wanted.service_name {
        Some(service) => {
            let journal = journal::Journal::open(agent.journalctl(), service, wanted)?;
            agent.stream(move |chunks| async move { journal.run(writer(form, chunks)).await }).await
        }
        None => {
            let Some(path) = agent.config().log_file.clone() else {
                return Err(AgentError::with_status(
                    StatusCode::BAD_REQUEST,
                    "No nomad log file defined",
                ));
            };
            agent.stream(move |chunks| stream_log_file(path, writer(form, chunks))).await
        }
    };
    Ok(response::stream(wanted.plain, body?))
}

fn writer(form: StreamFormat, chunks: ChunkSender) -> FrameWriter {
    FrameWriter::new(FramerConfig::monitor(), form, chunks)
}

/// Streams the file up to its length at the start; a growing log must not keep the reader forever.
async fn stream_log_file(path: PathBuf, mut frames: FrameWriter) -> Result<(), AgentError> {
    let failed = |error: io::Error| {
        AgentError::internal(format!("cannot read the log file {}: {error}", path.display()))
    };
    let file = File::open(&path).await.map_err(failed)?;
    let length = file.metadata().await.map_err(failed)?.len();
    copy_to_frames(file.take(length), &mut frames).await.map_err(failed)?;
    frames.finish().await;
    Ok(())
}

/// Copies a reader into frames, with heartbeats while it is silent.
async fn copy_to_frames(
    mut from: impl AsyncRead + Unpin,
    frames: &mut FrameWriter,
) -> io::Result<()> {
    let mut buffer = vec![0; READ_SIZE];
    let mut offset = 0_i64;
    loop {
        let due = frames.deadline();
        tokio::select! {
            biased;
            () = time::sleep_until(due) => frames.tick().await,
            read = from.read(&mut buffer) => match read? {
                0 => return Ok(()),
                size => {
                    offset = offset.saturating_add(i64::try_from(size).unwrap_or(i64::MAX));
                    frames.send("", "", &buffer[..size], offset).await;
                }
            },
        }
    }
}
