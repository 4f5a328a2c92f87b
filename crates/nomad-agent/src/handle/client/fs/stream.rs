//! `/v1/client/fs/stream`: a file in frames.

use http::{HeaderValue, Response};
use nomad_frames::FramerConfig;
use nomad_wire::query::StreamQuery;

use super::{failed, host_path, open};
use crate::{
    agent::Agent,
    body::Body,
    error::AgentError,
    files::Files,
    follow::{DiskFile, FileTail, Until, pump},
    framing::{Form, FrameWriter},
    handle::client::off_loop,
    reply,
};

/// What Go's server makes of frames for which Nomad sets no type.
const SNIFFED: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The file from where it was asked for, and what is written to it from now on.
pub(super) async fn stream(
    agent: &Agent,
    files: Files,
    wanted: &StreamQuery,
) -> Result<Response<Body>, AgentError> {
    let path = host_path(&wanted.path);
    let StreamQuery { origin, offset, follow, .. } = *wanted;
    let tail = off_loop(move || {
        let opened = open(&files, &path)?;
        let position = opened.position(origin, offset).map_err(|error| failed(&error))?;
        let file = DiskFile::new(opened, files, &*path);
        Ok::<_, AgentError>(FileTail::new(
            &path.to_string_lossy(),
            file,
            position,
            Until::following(follow),
        ))
    });
    let tail = tail.await??;
    let body = agent.stream(|chunks| async move {
        let frames = FrameWriter::new(FramerConfig::default(), Form::Framed, chunks);
        pump(tail, frames).await.map_err(|error| AgentError::failed(error.to_string()))
    });
    Ok(reply::typed(SNIFFED, body.await?))
}
