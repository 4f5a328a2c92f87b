//! `snapshot`: the data of an allocation, for another agent that takes it over.

use std::io::{self, Write};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use nomad_wire::{AllocId, IdParam};
use tokio::task::spawn_blocking;

use crate::{
    agent::{Agent, HandlerRequest},
    alloc,
    body::{Body, ChunkSender},
    error::AgentError,
    keyed_hash, response,
};

/// The content type that Go sniffs for a tar archive.
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The tar writer writes headers and padding of 512 bytes; they are sent together.
const CHUNK_SIZE: usize = 32 * 1024;

/// The archive, written while it is read.
pub(super) async fn snapshot<B>(
    agent: &Agent,
    id: &IdParam<AllocId>,
    request: HandlerRequest<B>,
) -> Result<Response<Body>, AgentError> {
    let client = agent.client().ok_or_else(|| {
        AgentError::with_status(StatusCode::BAD_REQUEST, "node is not running a Nomad Client")
    })?;
    let id = id.to_string();
    if !request.acl.is_disabled() {
        let right = keyed_hash::hash(&client.secret, &id);
        if request.migrate_token.is_none_or(|token| Some(token.0) != right) {
            return Err(AgentError::with_status(StatusCode::FORBIDDEN, "Permission denied"));
        }
    }
    let found = client.allocations.get(&id);
    let found = found.ok_or_else(|| AgentError::internal("allocation not found"))?;
    let body = agent.stream(|chunks| async move {
        let written = spawn_blocking(move || {
            let to = io::BufWriter::with_capacity(CHUNK_SIZE, ChunkWriter(chunks));
            alloc::write_snapshot(&found, to)
        });
        // The archive has been terminated; this text comes after it.
        let written = written.await.map_err(|_| AgentError::Stopping)?;
        written.map_err(|error| AgentError::internal(format!("error making snapshot: {error}")))
    });
    Ok(response::with_type(CONTENT_TYPE, body.await?))
}

/// Blocks while the reader is behind.
struct ChunkWriter(ChunkSender);

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.send_blocking(Bytes::copy_from_slice(bytes)) {
            Ok(bytes.len())
        } else {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
