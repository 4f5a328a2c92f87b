//! Error → status and text, in one exhaustive place.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER};
use nomad_acl::{Denied, IdentifyError, TokensError};
use nomad_wire::{Fault, Route, header::X_NOMAD_GATEWAY_DENIED};

use super::{Denials, foreign, upload};
use crate::{
    Agent, Error, address::AddressError, connect::ConnectError, directory::LocateError,
    forward::ForwardError, guard::GuardError, outages::Outages, outgoing::UploadError,
};

const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
const INTERNAL: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

/// Seconds after which a busy agent may be asked again.
pub(super) const RETRY: HeaderValue = HeaderValue::from_static("1");

/// The answer that an error becomes.
pub(super) fn answer<B: From<Bytes>>(
    error: &Error,
    denials: Denials,
    outages: &Outages,
) -> Response<B> {
    match error {
        Error::Identify(error) => identify(error).into_response(),
        Error::Address(AddressError::Query(error)) => Fault::from(error.clone()).into_response(),
        Error::Address(AddressError::Locate { route, source }) => {
            locate(route, source).into_response()
        }
        Error::Address(AddressError::Upload { route, source }) => {
            no_body(route, source).into_response()
        }
        Error::Guard(GuardError::Denied(denied)) | Error::Denied(denied) => deny(denied, denials),
        Error::Guard(error @ GuardError::Debug) => {
            Fault::new(NOT_FOUND, error.to_string()).into_response()
        }
        Error::Region(error) | Error::Guard(GuardError::Region(error)) => {
            Fault::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response()
        }
        Error::Shared(error) => answer(error, denials, outages),
        Error::Layer(error) => foreign::answer(error.as_ref()),
        Error::Forward(error) => {
            outages.failed(error);
            busy(error).unwrap_or_else(|| forward(error).into_response())
        }
    }
}

fn identify(error: &IdentifyError) -> Fault {
    match error {
        IdentifyError::Route(error) => error.clone().into(),
        IdentifyError::Header(error) => error.clone().into(),
        IdentifyError::Tokens(error) => tokens(error),
        // The enum may grow in its own crate; what is not known here is nobody's fault but ours.
        error => Fault::new(INTERNAL, error.to_string()),
    }
}

fn tokens(error: &TokensError) -> Fault {
    match error {
        // Which tokens exist is nobody's business.
        TokensError::NotFound => Fault::new(StatusCode::FORBIDDEN, "Permission denied"),
        TokensError::Expired => Fault::new(StatusCode::FORBIDDEN, error.to_string()),
        TokensError::Unavailable(_) => {
            Fault::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
        }
        error => Fault::new(INTERNAL, error.to_string()),
    }
}

fn deny<B: From<Bytes>>(denied: &Denied, denials: Denials) -> Response<B> {
    let mut response = Fault::new(StatusCode::FORBIDDEN, denied.to_string()).into_response();
    if denials == Denials::Named
        && let Ok(reason) = HeaderValue::from_str(&denied.reason.missing().to_string())
    {
        response.headers_mut().insert(X_NOMAD_GATEWAY_DENIED, reason);
    }
    response
}

/// What a caller is told about a target that has no place. Nomad words and codes it by call.
fn locate(route: &Route, error: &LocateError) -> Fault {
    let text = error.to_string();
    let missing = &route.spec().target.missing;
    match error {
        LocateError::UnknownNode(id) if missing.node_is_looked_up => {
            Fault::new(missing.node, format!("Unknown node {id}"))
        }
        LocateError::UnknownNode(_) => Fault::new(missing.node, text),
        LocateError::UnknownServer(_) | LocateError::NoLeader | LocateError::UnknownRegion => {
            Fault::new(missing.server, text)
        }
        LocateError::UnknownAllocation(_) | LocateError::NoPathToNode => {
            Fault::new(NOT_FOUND, text)
        }
        LocateError::NoAnswer(_) => Fault::new(StatusCode::BAD_GATEWAY, text),
        LocateError::AmbiguousNode { .. } | LocateError::SeveralClients => {
            Fault::new(BAD_REQUEST, text)
        }
        // A call about a node that names none is refused by every server that runs no client.
        LocateError::SeveralServers => {
            Fault::new(BAD_REQUEST, missing.no_local_node.map_or(text, str::to_owned))
        }
        LocateError::NotAsked => Fault::new(StatusCode::FORBIDDEN, text),
        LocateError::NodeLookup(_)
        | LocateError::AllocLookup(_)
        | LocateError::NoPathToServer(_)
        | LocateError::NoServers => Fault::new(INTERNAL, text),
    }
}

/// The agent has as many connections as it may: the caller can come again.
fn busy<B: From<Bytes>>(error: &ForwardError) -> Option<Response<B>> {
    let (ForwardError::Connect { source, .. } | ForwardError::Reopen { source, .. }) = error else {
        return None;
    };
    let status = match source {
        ConnectError::Crowded { .. } => StatusCode::TOO_MANY_REQUESTS,
        ConnectError::Busy(_) | ConnectError::Full { .. } => StatusCode::SERVICE_UNAVAILABLE,
        _ => return None,
    };
    let mut response = Fault::new(status, source.to_string()).into_response();
    response.headers_mut().insert(RETRY_AFTER, RETRY);
    Some(response)
}

fn forward(error: &ForwardError) -> Fault {
    match error {
        ForwardError::Connect { route: Route::Pass, .. } => Fault::new(INTERNAL, "no servers"),
        ForwardError::Connect { agent, source, .. } | ForwardError::Reopen { agent, source } => {
            unreachable_agent(agent, source)
        }
        ForwardError::Lost { .. } | ForwardError::Switched { .. } => {
            Fault::new(StatusCode::BAD_GATEWAY, error.to_string())
        }
        ForwardError::Silent { .. } | ForwardError::Dead { .. } => {
            Fault::new(StatusCode::GATEWAY_TIMEOUT, error.to_string())
        }
        ForwardError::Upload { route, source } => no_body(route, source),
    }
}

/// The body of the request did not come, whoever waited for it.
fn no_body(route: &Route, error: &UploadError) -> Fault {
    match error {
        UploadError::Silent => Fault::new(StatusCode::REQUEST_TIMEOUT, error.to_string()),
        UploadError::Broken(source) => {
            Fault::new(BAD_REQUEST, upload::text(route, source.as_ref()))
        }
    }
}

/// Nomad's servers say these words when a node has no connection, and when a server does not accept one.
fn unreachable_agent(agent: &Agent, source: &ConnectError) -> Fault {
    if !agent.is_server() {
        return Fault::new(NOT_FOUND, "No path to node");
    }
    let reason = match source {
        ConnectError::Refused(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            "connect: connection refused".to_owned()
        }
        ConnectError::Timeout(_) => "i/o timeout".to_owned(),
        error => error.to_string(),
    };
    Fault::new(
        INTERNAL,
        format!("rpc error: failed to get conn: dial {}: {reason}", agent.endpoint().dialed()),
    )
}
