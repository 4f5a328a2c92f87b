//! `/v1/client/fs/ls` and `stat`: what there is, without contents.

use http::{Response, StatusCode};
use nomad_wire::{
    Query,
    client::FileInfo,
    json::Unknown,
    query::{ListQuery, StatQuery},
};

use super::host_path;
use crate::{
    body::Body,
    error::AgentError,
    files::{Entry, FileError, Files},
    handle::client::off_loop,
    reply,
};

/// The entries of a directory.
pub(super) async fn list(
    files: Files,
    wanted: &ListQuery,
    query: &Query<'_>,
) -> Result<Response<Body>, AgentError> {
    let path = host_path(&wanted.path);
    let entries = off_loop(move || files.list(&path)).await?.map_err(|error| refused(&error))?;
    let entries: Vec<_> = entries.into_iter().map(info).collect();
    reply::json(&entries, query)
}

/// One file.
pub(super) async fn stat(
    files: Files,
    wanted: &StatQuery,
    query: &Query<'_>,
) -> Result<Response<Body>, AgentError> {
    let path = host_path(&wanted.path);
    let entry = off_loop(move || files.stat(&path)).await?.map_err(|error| refused(&error))?;
    reply::json(&info(entry), query)
}

fn refused(error: &FileError) -> AgentError {
    let missing = error.is_missing();
    let status = if missing { StatusCode::NOT_FOUND } else { StatusCode::INTERNAL_SERVER_ERROR };
    AgentError::said(status, error.to_string())
}

fn info(entry: Entry) -> FileInfo {
    FileInfo {
        name: entry.name,
        is_dir: entry.is_dir,
        size: entry.size,
        file_mode: entry.mode,
        mod_time: Some(entry.modified.to_string()),
        content_type: Some(entry.content_type.to_owned()),
        other: Unknown::default(),
    }
}
