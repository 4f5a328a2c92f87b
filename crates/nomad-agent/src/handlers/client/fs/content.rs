//! `/v1/client/fs/cat` and `readat`: the bytes of a file.
//!
//! Nomad sends every error of these two with 200 and the text as the body. Here they have the status that Nomad's
//! handlers intended: a client that trusts the status must not take an error for a file.

use std::{io, os::unix::fs::FileExt, path::Path};

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use nomad_frames::FramerConfig;
use nomad_wire::query::Origin;

use super::{file_error, open, path_from_bytes};
use crate::{
    agent::Agent,
    body::Body,
    error::AgentError,
    files::{Files, OpenFile, SNIFF_LENGTH, content_type},
    follow::{DiskFile, FileTail, FollowMode, pump},
    frame_writer::{FrameWriter, StreamFormat},
    handlers::client::run_blocking,
    response,
};

/// A file up to this length is read at once, and its length is in the head. Nomad's server buffers as much.
const MAX_BUFFERED: usize = 2048;

/// Security headers of every content, so that no browser renders a task's output as a page.
const SECURITY_HEADERS: [(header::HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_XSS_PROTECTION, "1; mode=block"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
];

/// The requested part of the file.
pub(super) async fn read(
    agent: &Agent,
    files: Files,
    written: &[u8],
    offset: i64,
    limit: Option<u64>,
) -> Result<Response<Body>, AgentError> {
    let path = path_from_bytes(written);
    let limit = limit.unwrap_or(u64::MAX);
    let FilePart { files, opened, position, head } =
        run_blocking(move || open_part(files, &path, offset, limit)).await??;
    let kind = safe_content_type(&head);
    if head.is_empty() {
        return Ok(response::with_type(HeaderValue::from_static(kind), Body::full(Bytes::new())));
    }
    let rest = limit - head.len() as u64;
    let body = if head.len() < MAX_BUFFERED || rest == 0 {
        Body::full(head)
    } else {
        let path = path_from_bytes(written);
        let position = position + head.len() as u64;
        let file = DiskFile::new(opened, files, &*path);
        let tail = FileTail::new(&path.to_string_lossy(), file, position, FollowMode::ToEnd)
            .with_limit(rest);
        agent
            .stream(|chunks| async move {
                chunks.send(head.into()).await;
                let frames = FrameWriter::new(FramerConfig::default(), StreamFormat::Plain, chunks);
                pump(tail, frames).await.map_err(|error| AgentError::internal(error.to_string()))
            })
            .await?
    };
    let mut response = response::with_type(HeaderValue::from_static(kind), body);
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// An opened file and the beginning of the requested part.
struct FilePart {
    files: Files,
    opened: OpenFile,
    position: u64,
    head: Vec<u8>,
}

fn open_part(files: Files, path: &Path, offset: i64, limit: u64) -> Result<FilePart, AgentError> {
    let opened = open(&files, path)?;
    let position = opened.position(Origin::Start, offset).map_err(|error| file_error(&error))?;
    let head = read_head(&opened, position, limit);
    let head = head.map_err(|error| file_error(&opened.io_error("read", &error)))?;
    Ok(FilePart { files, opened, position, head })
}

/// Reads up to [`MAX_BUFFERED`] bytes, fewer only at the end.
fn read_head(opened: &OpenFile, position: u64, limit: u64) -> io::Result<Vec<u8>> {
    let mut head = vec![0; usize::try_from(limit).unwrap_or(MAX_BUFFERED).min(MAX_BUFFERED)];
    let mut filled = 0;
    while filled < head.len() {
        match opened.file.read_at(&mut head[filled..], position.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    head.truncate(filled);
    Ok(head)
}

/// The content type of these bytes; plain text instead of HTML.
fn safe_content_type(head: &[u8]) -> &'static str {
    match content_type(&head[..head.len().min(SNIFF_LENGTH)]) {
        page if page.starts_with("text/html") || page.starts_with("text/xhtml") => "text/plain",
        other => other,
    }
}
