//! Why a request could not be identified.

use nomad_wire::{RouteError, header::TokenError};
use thiserror::Error;

use crate::TokensError;

/// Why it is not known what is asked, or by whom.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IdentifyError {
    /// It is no call.
    #[error("not a call")]
    Route(#[from] RouteError),
    /// No token can be taken from the headers.
    #[error("no usable token in the headers")]
    Header(#[from] TokenError),
    /// The token has no ACL.
    #[error("the token could not be resolved")]
    Tokens(#[from] TokensError),
}
