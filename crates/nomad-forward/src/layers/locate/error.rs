//! Why a request has no agent.

use nomad_wire::{QueryError, Route};
use thiserror::Error;

use crate::{directory::DirectoryError, layers::upstream_body::UploadError};

/// Why a request cannot be addressed.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum LocateError {
    /// The query is faulty.
    #[error("faulty query")]
    Query(#[from] QueryError),
    /// The target has no place; which status that is depends on the call.
    #[error("no place for the target")]
    Directory {
        /// The call.
        route: Route,
        /// What the directory said.
        source: DirectoryError,
    },
    /// The caller's: the body, which may name the node, did not come.
    #[error("{source}")]
    Upload {
        /// The call: it decides the text.
        route: Route,
        /// What the caller did.
        source: UploadError,
    },
}
