//! `snapshot`: the data of an allocation, for another agent that takes it over.

use std::io::{self, Write};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use blake2::{
    Blake2bMac512,
    digest::{FixedOutput as _, KeyInit as _, Update as _},
};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use nomad_wire::{AllocId, SecretId, Written};
use tokio::task::spawn_blocking;

use crate::{
    agent::{Agent, Asked},
    alloc,
    body::{Body, Chunks},
    error::AgentError,
    reply,
};

/// What a tar archive is to Go, which has to guess.
const ARCHIVE: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The tar writer writes heads and paddings of 512 bytes; they are sent together.
const CHUNK: usize = 32 * 1024;

/// The archive, written while it is read.
pub(super) async fn snapshot<B>(
    agent: &Agent,
    id: &Written<AllocId>,
    asked: Asked<B>,
) -> Result<Response<Body>, AgentError> {
    let client = agent.client().ok_or_else(|| {
        AgentError::said(StatusCode::BAD_REQUEST, "node is not running a Nomad Client")
    })?;
    let id = id.to_string();
    if !asked.acl.is_disabled() {
        let right = migrate_token(&id, &client.secret);
        if asked.migrate.is_none_or(|token| Some(token.0) != right) {
            return Err(AgentError::said(StatusCode::FORBIDDEN, "Permission denied"));
        }
    }
    let found = client.allocations.find(&id);
    let found = found.ok_or_else(|| AgentError::failed("allocation not found"))?;
    let body = agent.stream(|chunks| async move {
        let written = spawn_blocking(move || {
            let to = io::BufWriter::with_capacity(CHUNK, ToReader(chunks));
            alloc::snapshot(&found, to)
        });
        // The archive has ended properly; this text stands behind it.
        let written = written.await.map_err(|_| AgentError::Stopping)?;
        written.map_err(|error| AgentError::failed(format!("error making snapshot: {error}")))
    });
    Ok(reply::typed(ARCHIVE, body.await?))
}

/// The token by which an agent may fetch the data of an allocation: the keyed BLAKE2b hash of the allocation's id under
/// the secret of the node, in the URL-safe alphabet of base64.
fn migrate_token(id: &str, secret: &SecretId) -> Option<SecretId> {
    // A key can be 64 bytes long; the secret of a node is a UUID.
    let mut hash = Blake2bMac512::new_from_slice(secret.expose().as_bytes()).ok()?;
    hash.update(id.as_bytes());
    Some(SecretId::new(URL_SAFE.encode(hash.finalize_fixed())))
}

/// Waits, on a thread that may, while the reader is behind.
struct ToReader(Chunks);

impl Write for ToReader {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_bound_to_the_allocation_and_the_node() {
        let token = |id: &str, secret: &str| migrate_token(id, &SecretId::new(secret)).unwrap();
        let alloc = "13651909-dd6d-35ce-5da0-5004769668b3";
        let node = "3721d099-7634-c305-7866-0a5e5e029ead";
        assert_eq!(token(alloc, node), token(alloc, node));
        assert_ne!(token(alloc, node), token(alloc, alloc));
        assert_ne!(token(alloc, node), token(node, node));
        // 64 bytes make 88 letters, two of which are padding.
        assert_eq!(token(alloc, node).expose().len(), 88);
        assert!(token(alloc, node).expose().ends_with("=="));
    }
}
