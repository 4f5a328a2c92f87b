//! What can go wrong on the whole way.

use std::sync::Arc;

use nomad_acl::{Denied, IdentifyError};
use thiserror::Error;

use crate::{address::AddressError, forward::ForwardError, guard::GuardError};

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
    /// The agent's: it gave no answer.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// Of a request that several callers shared: each of them gets it.
    #[error(transparent)]
    Shared(Arc<Self>),
}
