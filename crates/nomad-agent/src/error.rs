//! Why an agent does not serve a request, and the HTTP error the client gets.

use http::StatusCode;
use nomad_acl::{IdentifyError, PermissionDenied, RegionMismatch, TokensError};
use nomad_wire::{HttpError, QueryError, Route, RouteError, spec::AgentRole};
use thiserror::Error;

use crate::role::Role;

/// Why a request fails.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The route or the token could not be identified.
    #[error(transparent)]
    Identify(#[from] IdentifyError),
    /// The client is not authorized.
    #[error(transparent)]
    Denied(#[from] PermissionDenied),
    /// The ACL is that of another region.
    #[error(transparent)]
    Region(#[from] RegionMismatch),
    /// A parameter is wrong.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The agent lacks the role that handles the call.
    #[error("the agent lacks the role for this call")]
    WrongRole(WrongRole),
    /// Nomad has the call, and this agent does not serve it.
    #[error("{0} is not served by this agent yet")]
    NotServed(&'static str),
    /// The path is not in the agent and client API.
    #[error("no such path")]
    UnknownPath,
    /// The request is for another agent, and this one relays nothing.
    #[error("this agent does not relay requests to other agents")]
    NotRelayed,
    /// Nomad's own text, with its status.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A body that cannot be encoded; no body of ours is.
    #[error("the response could not be encoded")]
    Encode(#[from] serde_json::Error),
    /// Work for this request was cancelled, which happens only at the end of the process.
    #[error("the agent is stopping")]
    Stopping,
}

/// How Nomad reports a missing role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WrongRole {
    /// 501 `Invalid method`: most calls.
    InvalidMethod,
    /// 400 `Server only endpoint`: the schedulers.
    ServerOnly,
    /// 400: a call to a node, sent without the node's id to an agent that is not one.
    NoLocalNode,
}

impl AgentError {
    /// An error with Nomad's text and status.
    #[must_use]
    pub fn with_status(status: StatusCode, text: impl Into<String>) -> Self {
        Self::Http(HttpError::new(status, text.into()))
    }

    /// Nomad's text with the default status: 500.
    #[must_use]
    pub fn internal(text: impl Into<String>) -> Self {
        Self::with_status(StatusCode::INTERNAL_SERVER_ERROR, text)
    }

    /// The response a client gets: the only place where an error becomes a status.
    #[must_use]
    pub fn into_http_error(self) -> HttpError {
        match self {
            Self::Identify(error) => identify_http_error(error),
            Self::Denied(denied) => HttpError::new(StatusCode::FORBIDDEN, denied.to_string()),
            Self::Region(error) => HttpError::new(StatusCode::FORBIDDEN, error.to_string()),
            Self::Query(error) => error.into(),
            Self::WrongRole(role) => role.http_error(),
            Self::UnknownPath => HttpError::new(StatusCode::NOT_FOUND, ""),
            Self::Http(fault) => fault,
            Self::NotServed(_) | Self::NotRelayed => {
                HttpError::new(StatusCode::NOT_IMPLEMENTED, self.to_string())
            }
            Self::Encode(_) => HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, self.to_string()),
            Self::Stopping => HttpError::new(StatusCode::SERVICE_UNAVAILABLE, self.to_string()),
        }
    }

    /// Reports the role before the method where Nomad's handlers do: at the schedulers.
    pub(crate) fn prefer_role_error(self, role: Role) -> Self {
        match self {
            Self::Identify(IdentifyError::Route(RouteError::MethodNotAllowed(ref route)))
                if route.spec().role == AgentRole::ServerOnly =>
            {
                check_role(route, role).err().unwrap_or(self)
            }
            other => other,
        }
    }
}

impl WrongRole {
    fn http_error(self) -> HttpError {
        match self {
            Self::InvalidMethod => HttpError::new(StatusCode::NOT_IMPLEMENTED, "Invalid method"),
            Self::ServerOnly => HttpError::new(StatusCode::BAD_REQUEST, "Server only endpoint"),
            Self::NoLocalNode => {
                HttpError::new(StatusCode::BAD_REQUEST, "No local Node and node_id not provided")
            }
        }
    }
}

/// Checks that an agent of this role handles the route.
///
/// # Errors
/// [`AgentError::WrongRole`].
pub(crate) fn check_role(route: &Route, role: Role) -> Result<(), AgentError> {
    let missing = match route.spec().role {
        AgentRole::Client if !role.is_client() => WrongRole::InvalidMethod,
        AgentRole::Server if !role.is_server() => WrongRole::InvalidMethod,
        AgentRole::ServerOnly if !role.is_server() => WrongRole::ServerOnly,
        AgentRole::Any | AgentRole::Client | AgentRole::Server | AgentRole::ServerOnly => {
            return Ok(());
        }
    };
    Err(AgentError::WrongRole(missing))
}

/// An unknown token gets the same response as one without the capability, as in Nomad 2.0.
fn identify_http_error(error: IdentifyError) -> HttpError {
    match error {
        IdentifyError::Route(error) => error.into(),
        IdentifyError::Header(error) => error.into(),
        IdentifyError::Tokens(TokensError::NotFound) => {
            HttpError::new(StatusCode::FORBIDDEN, "Permission denied")
        }
        IdentifyError::Tokens(error @ TokensError::Expired) => {
            HttpError::new(StatusCode::FORBIDDEN, error.to_string())
        }
        IdentifyError::Tokens(TokensError::Unavailable(source)) => HttpError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("failed to resolve ACL token: {source}"),
        ),
        error => HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}
