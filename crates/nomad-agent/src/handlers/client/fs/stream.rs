//! `/v1/client/fs/stream`: a file in frames.

use http::{HeaderValue, Response};
use nomad_frames::FramerConfig;
use nomad_wire::query::StreamQuery;

use super::{file_error, open, path_from_bytes};
use crate::{
    agent::Agent,
    body::Body,
    error::AgentError,
    files::Files,
    follow::{DiskFile, FileTail, FollowMode, pump},
    frame_writer::{FrameWriter, StreamFormat},
    handlers::client::run_blocking,
    response,
};

/// The type that Go's server sniffs for frames, for which Nomad sets none.
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The file from the requested position, and what is written to it from now on.
pub(super) async fn stream(
    agent: &Agent,
    files: Files,
    wanted: &StreamQuery,
) -> Result<Response<Body>, AgentError> {
    let path = path_from_bytes(&wanted.path);
    let StreamQuery { origin, offset, follow, .. } = *wanted;
    let tail = run_blocking(move || {
        let opened = open(&files, &path)?;
        let position = opened.position(origin, offset).map_err(|error| file_error(&error))?;
        let file = DiskFile::new(opened, files, &*path);
        Ok::<_, AgentError>(FileTail::new(
            &path.to_string_lossy(),
            file,
            position,
            FollowMode::from_follow(follow),
        ))
    });
    let tail = tail.await??;
    let body = agent.stream(|chunks| async move {
        let frames = FrameWriter::new(FramerConfig::default(), StreamFormat::Framed, chunks);
        pump(tail, frames).await.map_err(|error| AgentError::internal(error.to_string()))
    });
    Ok(response::with_type(CONTENT_TYPE, body.await?))
}
