//! Errors of the whole stack.

use std::{error, sync::Arc};

use nomad_acl::{IdentifyError, PermissionDenied, RegionMismatch};
use thiserror::Error;

use crate::layers::{forward::ForwardError, harden::HardenError, locate::LocateError};

/// What tower's own layers fail with.
type BoxError = Box<dyn error::Error + Send + Sync>;

/// Why a request got no answer from an agent, room by room. [`Rescue`](crate::Rescue) turns it into one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller's: it is not known what is asked, or by whom.
    #[error(transparent)]
    Identify(#[from] IdentifyError),
    /// The caller's: it is guarded here.
    #[error(transparent)]
    Harden(#[from] HardenError),
    /// The caller's: no agent is meant.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// The caller's: they may not.
    #[error(transparent)]
    Denied(#[from] PermissionDenied),
    /// Ours: the rights that were looked up are not those of the region that would answer.
    #[error(transparent)]
    Region(#[from] RegionMismatch),
    /// The agent's: it gave no answer.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// Of a request that several callers shared: each of them gets it.
    #[error(transparent)]
    Coalesced(Arc<Self>),
    /// Of a foreign layer between these: it shed the request, gave up waiting, or broke.
    #[error("a layer failed")]
    Layer(#[source] BoxError),
}

/// Layers such as `tower::timeout` box every error that passes. What was boxed on the way is found again.
impl From<BoxError> for Error {
    fn from(error: BoxError) -> Self {
        downcast::<Self>(error)
            .or_else(downcast::<IdentifyError>)
            .or_else(downcast::<HardenError>)
            .or_else(downcast::<LocateError>)
            .or_else(downcast::<PermissionDenied>)
            .or_else(downcast::<ForwardError>)
            .unwrap_or_else(Self::Layer)
    }
}

fn downcast<E: error::Error + Into<Error> + 'static>(error: BoxError) -> Result<Error, BoxError> {
    error.downcast::<E>().map(|error| (*error).into())
}
