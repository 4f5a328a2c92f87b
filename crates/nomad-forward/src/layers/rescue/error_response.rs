//! Error → status and text, in one exhaustive place.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER};
use nomad_acl::{IdentifyError, PermissionDenied, TokensError};
use nomad_wire::{HttpError, Route, header::X_NOMAD_GATEWAY_DENIED};

use super::{DenialDetail, layer_error, upload_text};
use crate::{
    Agent, Error,
    connect::ConnectError,
    directory::DirectoryError,
    layers::{
        forward::ForwardError, harden::HardenError, locate::LocateError, outages::Outages,
        upstream_body::UploadError,
    },
};

const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
const INTERNAL: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

/// Seconds after which a busy agent may be asked again.
pub(super) const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// The answer that an error becomes.
pub(super) fn from_error<B: From<Bytes>>(
    error: &Error,
    denials: DenialDetail,
    outages: &Outages,
) -> Response<B> {
    match error {
        Error::Identify(error) => identify_error(error).into_response(),
        Error::Locate(LocateError::Query(error)) => HttpError::from(error.clone()).into_response(),
        Error::Locate(LocateError::Directory { route, source }) => {
            directory_error(route, source).into_response()
        }
        Error::Locate(LocateError::Upload { route, source }) => {
            upload_error(route, source).into_response()
        }
        Error::Harden(HardenError::Denied(denied)) | Error::Denied(denied) => {
            denial(denied, denials)
        }
        Error::Harden(error @ HardenError::DebugPath) => {
            HttpError::new(NOT_FOUND, error.to_string()).into_response()
        }
        Error::Region(error) | Error::Harden(HardenError::Region(error)) => {
            HttpError::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response()
        }
        Error::Coalesced(error) => from_error(error, denials, outages),
        Error::Layer(error) => layer_error::from_error(error.as_ref()),
        Error::Forward(error) => {
            outages.record_failure(error);
            connection_limit_error(error).unwrap_or_else(|| forward_error(error).into_response())
        }
    }
}

fn identify_error(error: &IdentifyError) -> HttpError {
    match error {
        IdentifyError::Route(error) => error.clone().into(),
        IdentifyError::Header(error) => error.clone().into(),
        IdentifyError::Tokens(error) => tokens_error(error),
        // The enum may grow in its own crate; what is not known here is nobody's fault but ours.
        error => HttpError::new(INTERNAL, error.to_string()),
    }
}

fn tokens_error(error: &TokensError) -> HttpError {
    match error {
        // Which tokens exist is nobody's business.
        TokensError::NotFound => HttpError::new(StatusCode::FORBIDDEN, "Permission denied"),
        TokensError::Expired => HttpError::new(StatusCode::FORBIDDEN, error.to_string()),
        TokensError::Unavailable(_) => {
            HttpError::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
        }
        error => HttpError::new(INTERNAL, error.to_string()),
    }
}

fn denial<B: From<Bytes>>(denied: &PermissionDenied, denials: DenialDetail) -> Response<B> {
    let mut response = HttpError::new(StatusCode::FORBIDDEN, denied.to_string()).into_response();
    if denials == DenialDetail::Named
        && let Ok(reason) = HeaderValue::from_str(&denied.reason.missing().to_string())
    {
        response.headers_mut().insert(X_NOMAD_GATEWAY_DENIED, reason);
    }
    response
}

/// What a caller is told about a target that has no place. Nomad words and codes it by call.
fn directory_error(route: &Route, error: &DirectoryError) -> HttpError {
    let text = error.to_string();
    let missing = &route.spec().target.missing;
    match error {
        DirectoryError::UnknownNode(id) if missing.node_is_looked_up => {
            HttpError::new(missing.node, format!("Unknown node {id}"))
        }
        DirectoryError::UnknownNode(_) => HttpError::new(missing.node, text),
        DirectoryError::UnknownServer(_)
        | DirectoryError::NoLeader
        | DirectoryError::UnknownRegion => HttpError::new(missing.server, text),
        DirectoryError::UnknownAllocation(_) | DirectoryError::NoPathToNode => {
            HttpError::new(NOT_FOUND, text)
        }
        DirectoryError::NoResponse(_) => HttpError::new(StatusCode::BAD_GATEWAY, text),
        DirectoryError::AmbiguousNode { .. } | DirectoryError::SeveralClients => {
            HttpError::new(BAD_REQUEST, text)
        }
        // A call about a node that names none is refused by every server that runs no client.
        DirectoryError::SeveralServers => {
            HttpError::new(BAD_REQUEST, missing.no_local_node.map_or(text, str::to_owned))
        }
        DirectoryError::PermissionDenied => HttpError::new(StatusCode::FORBIDDEN, text),
        DirectoryError::NodeLookup(_)
        | DirectoryError::AllocLookup(_)
        | DirectoryError::NoPathToServer(_)
        | DirectoryError::NoServers => HttpError::new(INTERNAL, text),
    }
}

/// The agent has as many connections as it may: the caller can come again.
fn connection_limit_error<B: From<Bytes>>(error: &ForwardError) -> Option<Response<B>> {
    let (ForwardError::Connect { source, .. } | ForwardError::Reopen { source, .. }) = error else {
        return None;
    };
    let status = match source {
        ConnectError::QueueFull { .. } => StatusCode::TOO_MANY_REQUESTS,
        ConnectError::QueueTimeout(_) | ConnectError::LimitReached { .. } => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => return None,
    };
    let mut response = HttpError::new(status, source.to_string()).into_response();
    response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    Some(response)
}

fn forward_error(error: &ForwardError) -> HttpError {
    match error {
        ForwardError::Connect { route: Route::Pass, .. } => HttpError::new(INTERNAL, "no servers"),
        ForwardError::Connect { agent, source, .. } | ForwardError::Reopen { agent, source } => {
            unreachable_agent(agent, source)
        }
        ForwardError::Lost { .. } | ForwardError::UnexpectedUpgrade { .. } => {
            HttpError::new(StatusCode::BAD_GATEWAY, error.to_string())
        }
        ForwardError::ResponseTimeout { .. } | ForwardError::HealthCheckFailed { .. } => {
            HttpError::new(StatusCode::GATEWAY_TIMEOUT, error.to_string())
        }
        ForwardError::Upload { route, source } => upload_error(route, source),
    }
}

/// The body of the request did not come, whoever waited for it.
fn upload_error(route: &Route, error: &UploadError) -> HttpError {
    match error {
        UploadError::Timeout => HttpError::new(StatusCode::REQUEST_TIMEOUT, error.to_string()),
        UploadError::Broken(source) => {
            HttpError::new(BAD_REQUEST, upload_text::error_text(route, source.as_ref()))
        }
    }
}

/// Nomad's servers say these words when a node has no connection, and when a server does not accept one.
fn unreachable_agent(agent: &Agent, source: &ConnectError) -> HttpError {
    if !agent.is_server() {
        return HttpError::new(NOT_FOUND, "No path to node");
    }
    let reason = match source {
        ConnectError::Refused(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            "connect: connection refused".to_owned()
        }
        ConnectError::Timeout(_) => "i/o timeout".to_owned(),
        error => error.to_string(),
    };
    HttpError::new(
        INTERNAL,
        format!(
            "rpc error: failed to get conn: dial {}: {reason}",
            agent.endpoint().dial_address()
        ),
    )
}
