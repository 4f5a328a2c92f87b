//! `/v1/client/fs/cat` and `readat`: the bytes of a file.
//!
//! Nomad answers every error of these two with 200 and the text as the body. Here they have the status that Nomad's
//! handlers meant: a caller that trusts the status must not take an error for a file.

use std::{io, os::unix::fs::FileExt, path::Path};

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use nomad_frames::FramerConfig;
use nomad_wire::query::Origin;

use super::{failed, host_path, open};
use crate::{
    agent::Agent,
    body::Body,
    error::AgentError,
    files::{Files, Open, SNIFFED, content_type},
    follow::{DiskFile, FileTail, Until, pump},
    framing::{Form, FrameWriter},
    handle::client::off_loop,
    reply,
};

/// Up to here a file is read at once, and its length stands in the head. Nomad's server buffers as much.
const SMALL: usize = 2048;

/// What every content carries, so that no browser makes a page of a task's output.
const GUARDS: [(header::HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_XSS_PROTECTION, "1; mode=block"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
];

/// The part of the file that was asked for.
pub(super) async fn read(
    agent: &Agent,
    files: Files,
    written: &[u8],
    offset: i64,
    limit: Option<u64>,
) -> Result<Response<Body>, AgentError> {
    let path = host_path(written);
    let limit = limit.unwrap_or(u64::MAX);
    let Part { files, opened, position, head } =
        off_loop(move || part(files, &path, offset, limit)).await??;
    let kind = shown_as(&head);
    if head.is_empty() {
        return Ok(reply::typed(HeaderValue::from_static(kind), Body::full(Bytes::new())));
    }
    let rest = limit - head.len() as u64;
    let body = if head.len() < SMALL || rest == 0 {
        Body::full(head)
    } else {
        let path = host_path(written);
        let position = position + head.len() as u64;
        let file = DiskFile::new(opened, files, &*path);
        let tail = FileTail::new(&path.to_string_lossy(), file, position, Until::End).limited(rest);
        agent
            .stream(|chunks| async move {
                chunks.send(head.into()).await;
                let frames = FrameWriter::new(FramerConfig::default(), Form::Plain, chunks);
                pump(tail, frames).await.map_err(|error| AgentError::failed(error.to_string()))
            })
            .await?
    };
    let mut response = reply::typed(HeaderValue::from_static(kind), body);
    for (name, value) in GUARDS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// An opened file and the beginning of what is wanted of it.
struct Part {
    files: Files,
    opened: Open,
    position: u64,
    head: Vec<u8>,
}

fn part(files: Files, path: &Path, offset: i64, limit: u64) -> Result<Part, AgentError> {
    let opened = open(&files, path)?;
    let position = opened.position(Origin::Start, offset).map_err(|error| failed(&error))?;
    let head = head(&opened, position, limit);
    let head = head.map_err(|error| failed(&opened.failed("read", &error)))?;
    Ok(Part { files, opened, position, head })
}

/// Reads up to [`SMALL`] bytes, fewer only at the end.
fn head(opened: &Open, position: u64, limit: u64) -> io::Result<Vec<u8>> {
    let mut head = vec![0; usize::try_from(limit).unwrap_or(SMALL).min(SMALL)];
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

/// The content type of these bytes; of a page it is that of plain text.
fn shown_as(head: &[u8]) -> &'static str {
    match content_type(&head[..head.len().min(SNIFFED)]) {
        page if page.starts_with("text/html") || page.starts_with("text/xhtml") => "text/plain",
        other => other,
    }
}
