//! `/v1/client/fs/ls` and `stat`: the entries, without contents.

use http::{Response, StatusCode};
use nomad_wire::{
    Query,
    client::FileInfo,
    json::UnknownFields,
    query::{ListQuery, StatQuery},
};

use super::path_from_bytes;
use crate::{
    body::Body,
    error::AgentError,
    files::{FileEntry, FileError, Files},
    handlers::client::run_blocking,
    response,
};

/// The entries of a directory.
pub(super) async fn list(
    files: Files,
    wanted: &ListQuery,
    query: &Query<'_>,
) -> Result<Response<Body>, AgentError> {
    let path = path_from_bytes(&wanted.path);
    let entries =
        run_blocking(move || files.list(&path)).await?.map_err(|error| lookup_error(&error))?;
    let entries: Vec<_> = entries.into_iter().map(file_info).collect();
    response::json(&entries, query)
}

/// One file.
pub(super) async fn stat(
    files: Files,
    wanted: &StatQuery,
    query: &Query<'_>,
) -> Result<Response<Body>, AgentError> {
    let path = path_from_bytes(&wanted.path);
    let entry =
        run_blocking(move || files.stat(&path)).await?.map_err(|error| lookup_error(&error))?;
    response::json(&file_info(entry), query)
}

fn lookup_error(error: &FileError) -> AgentError {
    let missing = error.is_missing();
    let status = if missing { StatusCode::NOT_FOUND } else { StatusCode::INTERNAL_SERVER_ERROR };
    AgentError::with_status(status, error.to_string())
}

fn file_info(entry: FileEntry) -> FileInfo {
    FileInfo {
        name: entry.name,
        is_dir: entry.is_dir,
        size: entry.size,
        file_mode: entry.mode,
        mod_time: Some(entry.modified.to_string()),
        content_type: Some(entry.content_type.to_owned()),
        other: UnknownFields::default(),
    }
}
