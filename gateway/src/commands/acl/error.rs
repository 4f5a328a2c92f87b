//! Why a question about policies has no answer.

use std::{io, path::PathBuf};

use http::StatusCode;
use nomad_acl::{CapabilityError, PolicyError};
use thiserror::Error;

/// Why a question about policies has no answer, and what can be done about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AclError {
    /// A file cannot be read.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A policy is not in the language.
    #[error("{policy}{}: {reason}", reason.position().map(|place| format!(":{place}")).unwrap_or_default())]
    Policy {
        /// The file, or the name of the policy.
        policy: String,
        /// What is wrong with it; told by `Display` already, so that it is no source.
        reason: Box<PolicyError>,
    },
    /// The method is none.
    #[error("{0:?} is no HTTP method")]
    Method(String),
    /// The path is none.
    #[error("{0:?} is no path; write it as /v1/…")]
    Path(String),
    /// The call takes another method.
    #[error("{method} {path} is no call: {reason}")]
    Call {
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// Why.
        reason: nomad_wire::RouteError,
    },
    /// There is no such right.
    #[error(transparent)]
    Capability(#[from] CapabilityError),
    /// The address is none that can be asked.
    #[error("{0:?} cannot be asked: an address is http://HOST:PORT")]
    Address(String),
    /// The cluster did not answer.
    #[error("no answer from {address}: {reason}")]
    NoResponse {
        /// Who was asked.
        address: String,
        /// What went wrong.
        reason: String,
    },
    /// The cluster refused.
    #[error("{path} at {address}: {status}: {text}")]
    ErrorStatus {
        /// Who was asked.
        address: String,
        /// For what.
        path: String,
        /// The status.
        status: StatusCode,
        /// Its text.
        text: String,
    },
    /// The cluster answered something else.
    #[error("{path} at {address} is not what Nomad answers")]
    InvalidResponse {
        /// Who was asked.
        address: String,
        /// For what.
        path: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The runtime could not be built.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
}
