//! What can go wrong on the whole way.

use std::{error, sync::Arc};

use nomad_acl::{Denied, IdentifyError, RegionMismatch};
use thiserror::Error;

use crate::{address::AddressError, forward::ForwardError, guard::GuardError};

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
    Guard(#[from] GuardError),
    /// The caller's: no agent is meant.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The caller's: they may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Ours: the rights that were looked up are not those of the region that would answer.
    #[error(transparent)]
    Region(#[from] RegionMismatch),
    /// The agent's: it gave no answer.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// Of a request that several callers shared: each of them gets it.
    #[error(transparent)]
    Shared(Arc<Self>),
    /// Of a foreign layer between these: it shed the request, gave up waiting, or broke.
    #[error("a layer failed")]
    Layer(#[source] BoxError),
}

/// Layers such as `tower::timeout` box every error that passes. What was boxed on the way is found again.
impl From<BoxError> for Error {
    fn from(error: BoxError) -> Self {
        own::<Self>(error)
            .or_else(own::<IdentifyError>)
            .or_else(own::<GuardError>)
            .or_else(own::<AddressError>)
            .or_else(own::<Denied>)
            .or_else(own::<ForwardError>)
            .unwrap_or_else(Self::Layer)
    }
}

fn own<E: error::Error + Into<Error> + 'static>(error: BoxError) -> Result<Error, BoxError> {
    error.downcast::<E>().map(|error| (*error).into())
}
