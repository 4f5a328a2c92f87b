//! `/v1/client/fs/logs`: the log of a task over all its files.

use http::{Response, StatusCode};
use nomad_frames::FramerConfig;
use nomad_wire::{query::LogsQuery, quote};

use crate::{
    agent::Agent,
    alloc::Allocation,
    body::Body,
    error::AgentError,
    follow::{DiskLogs, FollowMode, LogTail, StreamError, pump},
    frame_writer::{FrameWriter, StreamFormat},
    handlers::client::run_blocking,
    response,
};

/// The log from the requested position, and what the task writes from now on.
pub(super) async fn logs(
    agent: &Agent,
    allocation: &Allocation,
    wanted: &LogsQuery,
) -> Result<Response<Body>, AgentError> {
    check_task(allocation, &wanted.task)?;
    let logs = DiskLogs::new(allocation.files(), &wanted.task, wanted.log_type.as_str());
    let until = FollowMode::from_follow(wanted.follow);
    let (origin, offset) = (wanted.origin, wanted.offset);
    let tail = run_blocking(move || LogTail::open(logs, origin, offset, until));
    let tail = tail.await?.map_err(|error| stream_error(&error))?;
    let form = StreamFormat::from_plain(wanted.plain);
    let body = agent.stream(|chunks| async move {
        let frames = FrameWriter::new(FramerConfig::default(), form, chunks);
        pump(tail, frames).await.map_err(|error| stream_error(&error))
    });
    Ok(response::stream(wanted.plain, body.await?))
}

fn check_task(allocation: &Allocation, name: &str) -> Result<(), AgentError> {
    let name_quoted = quote(name);
    let Some(task) = allocation.task(name) else {
        return Err(AgentError::with_status(
            StatusCode::BAD_REQUEST,
            format!("unknown task name {name_quoted}"),
        ));
    };
    if task.state().started.is_none() {
        let text = format!("task {name_quoted} not started yet. No logs available");
        return Err(AgentError::with_status(StatusCode::NOT_FOUND, text));
    }
    Ok(())
}

fn stream_error(error: &StreamError) -> AgentError {
    match error {
        StreamError::NoLog { .. } => {
            AgentError::with_status(StatusCode::NOT_FOUND, error.to_string())
        }
        StreamError::Stopping(_) => AgentError::Stopping,
        StreamError::List(_)
        | StreamError::Index(_)
        | StreamError::Open { .. }
        | StreamError::Read { .. } => AgentError::internal(error.to_string()),
    }
}
