//! `/v1/client/fs/*`

mod content;
mod entries;
mod logs;
mod stream;

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use http::{Response, StatusCode, Uri};
use nomad_wire::{
    AllocId, FsCall, Query, Written,
    query::{CatQuery, Common, ListQuery, LogsQuery, ReadAtQuery, StatQuery, StreamQuery},
};

use super::allocation;
use crate::{
    agent::Agent,
    body::Body,
    error::AgentError,
    files::{FileError, Files, Open},
};

/// The faults of the parameters, which Nomad reports before it looks at the allocation or at any right.
///
/// # Errors
/// The first fault, in Nomad's order.
pub(crate) fn check(
    call: FsCall,
    id: &Written<AllocId>,
    query: &Query<'_>,
) -> Result<(), AgentError> {
    match call {
        FsCall::List => drop(ListQuery::parse(id, query)?),
        FsCall::Stat => drop(StatQuery::parse(id, query)?),
        FsCall::Cat => drop(CatQuery::parse(id, query)?),
        FsCall::ReadAt => drop(ReadAtQuery::parse(id, query)?),
        FsCall::Stream => drop(StreamQuery::parse(id, query)?),
        FsCall::Logs => drop(LogsQuery::parse(id, query)?),
    }
    Common::parse(query)?;
    Ok(())
}

/// Answers a call on the files of an allocation.
pub(crate) async fn answer(
    agent: &Agent,
    call: FsCall,
    id: &Written<AllocId>,
    uri: &Uri,
) -> Result<Response<Body>, AgentError> {
    let query = Query::of(uri);
    check(call, id, &query)?;
    let allocation = allocation::find(agent, id)?;
    if allocation.is_collected() && !matches!(call, FsCall::List | FsCall::Stat) {
        let text = format!("state for allocation {} not found on client", allocation.id());
        return Err(AgentError::said(StatusCode::NOT_FOUND, text));
    }
    match call {
        FsCall::List => {
            entries::list(allocation.files(), &ListQuery::parse(id, &query)?, &query).await
        }
        FsCall::Stat => {
            entries::stat(allocation.files(), &StatQuery::parse(id, &query)?, &query).await
        }
        FsCall::Cat => {
            let all =
                ReadAtQuery { path: CatQuery::parse(id, &query)?.path, offset: 0, limit: None };
            content::read(agent, allocation.files(), all).await
        }
        FsCall::ReadAt => {
            content::read(agent, allocation.files(), ReadAtQuery::parse(id, &query)?).await
        }
        FsCall::Stream => {
            stream::stream(agent, allocation.files(), StreamQuery::parse(id, &query)?).await
        }
        FsCall::Logs => logs::logs(agent, &allocation, LogsQuery::parse(id, &query)?).await,
    }
}

/// A path as it was asked for, which need not be text.
fn host_path(written: &[u8]) -> PathBuf {
    OsStr::from_bytes(written).into()
}

/// Opens the content of a file. What is wrong with the file itself is the caller's fault (400); what Nomad finds out
/// only when it opens the file, a secret for one, is a failure (500).
fn open(files: &Files, path: &Path) -> Result<Open, AgentError> {
    files
        .check_file(path)
        .map_err(|error| AgentError::said(StatusCode::BAD_REQUEST, error.to_string()))?;
    files.open(path).map_err(|error| failed(&error))
}

fn failed(error: &FileError) -> AgentError {
    AgentError::failed(error.to_string())
}
