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
use nomad_wire::{AllocId, Call, IdParam, Query, call::Params};

use super::allocation;
use crate::{
    agent::Agent,
    body::Body,
    error::AgentError,
    files::{FileError, Files, OpenFile},
};

/// Errors in the parameters, which Nomad reports before it looks up the allocation or checks a capability.
///
/// # Errors
/// The first error, in Nomad's order.
pub(crate) fn check(call: &Call) -> Result<&Params, AgentError> {
    let params = call.params.as_ref().map_err(Clone::clone)?;
    call.common.clone()?;
    Ok(params)
}

/// Handles a call on the files of an allocation.
pub(crate) async fn handle(
    agent: &Agent,
    call: &Call,
    id: &IdParam<AllocId>,
    uri: &Uri,
) -> Result<Response<Body>, AgentError> {
    let params = check(call)?;
    let allocation = allocation::find_allocation(agent, id)?;
    if allocation.is_collected() && !matches!(params, Params::List(_) | Params::Stat(_)) {
        let text = format!("state for allocation {} not found on client", allocation.id());
        return Err(AgentError::with_status(StatusCode::NOT_FOUND, text));
    }
    let (files, query) = (allocation.files(), Query::from_uri(uri));
    match params {
        Params::List(wanted) => entries::list(files, wanted, &query).await,
        Params::Stat(wanted) => entries::stat(files, wanted, &query).await,
        Params::Cat(wanted) => content::read(agent, files, &wanted.path, 0, None).await,
        Params::ReadAt(wanted) => {
            content::read(agent, files, &wanted.path, wanted.offset, wanted.limit).await
        }
        Params::Stream(wanted) => stream::stream(agent, files, wanted).await,
        Params::Logs(wanted) => logs::logs(agent, &allocation, wanted).await,
        Params::None
        | Params::Monitor(_)
        | Params::Export(_)
        | Params::Pprof(_)
        | Params::Snapshot => Err(AgentError::UnknownPath),
    }
}

/// A requested path, which need not be UTF-8.
fn path_from_bytes(written: &[u8]) -> PathBuf {
    OsStr::from_bytes(written).into()
}

/// Opens the content of a file. An error in the file itself is the client's (400); one that Nomad finds only when
/// it opens the file, such as a secret, is a failure (500).
fn open(files: &Files, path: &Path) -> Result<OpenFile, AgentError> {
    files
        .check_file(path)
        .map_err(|error| AgentError::with_status(StatusCode::BAD_REQUEST, error.to_string()))?;
    files.open(path).map_err(|error| file_error(&error))
}

fn file_error(error: &FileError) -> AgentError {
    AgentError::internal(error.to_string())
}
