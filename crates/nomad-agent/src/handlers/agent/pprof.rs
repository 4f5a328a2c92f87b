//! `/v1/agent/pprof/*`

use http::{HeaderValue, Response, StatusCode, Uri, header};
use nomad_acl::Acl;
use nomad_wire::{Call, Query, call::Params, query::PprofQuery};
use tokio::runtime::Handle;

use crate::{
    agent::Agent,
    body::Body,
    error::AgentError,
    handlers::target::{self, ErrorStyle},
    profile::{self, Profile, ProfileError, RuntimeSnapshot},
    response,
};

/// Profiles that Go's runtime records and this one does not; a made-up profile would be worse than none.
const NOT_RECORDED: [(&str, &str); 5] = [
    (
        "heap",
        "this agent has no heap profile: the system's allocator keeps no record of allocations",
    ),
    (
        "allocs",
        "this agent has no profile of allocations: the system's allocator keeps no record of them",
    ),
    ("block", "this agent has no profile of blocking: the runtime keeps no record of it"),
    ("mutex", "this agent has no profile of contended locks: the runtime keeps no record of them"),
    ("trace", "this agent has no execution trace: that is a format of the Go runtime"),
];

/// Errors that are reported before authorization.
///
/// # Errors
/// 404 for the bare root, 400 for two targets.
pub(crate) fn check(name: &str, call: &Call) -> Result<PprofQuery, AgentError> {
    if name.is_empty() {
        return Err(AgentError::with_status(StatusCode::NOT_FOUND, "Invalid method"));
    }
    let Params::Pprof(wanted) = call.params.clone()? else { return Err(AgentError::UnknownPath) };
    call.common.clone()?;
    Ok(wanted)
}

/// A profile of this process.
pub(crate) async fn handle(
    agent: &Agent,
    acl: &Acl,
    name: &str,
    call: &Call,
    uri: &Uri,
) -> Result<Response<Body>, AgentError> {
    let query = Query::from_uri(uri);
    let wanted = check(name, call)?;
    check_target(agent, call, &query)?;
    // Without ACLs no token is required, so the operator must have set `enable_debug`.
    if acl.is_disabled() && !agent.config().enable_debug {
        return Err(AgentError::with_status(StatusCode::FORBIDDEN, "Permission denied"));
    }
    match name {
        "cmdline" => Ok(text_response(cmdline())),
        "profile" => {
            let profile = profile::cpu(wanted.seconds).await.map_err(profile_error)?;
            Ok(attachment("profile", profile.to_gzip()))
        }
        // A trace is no named profile, so the query cannot select another one.
        "trace" => named_profile(name, wanted.debug != 0),
        path => {
            // The query parameter takes precedence over the path, as in Nomad.
            let word = query.non_empty("profile");
            named_profile(word.as_deref().unwrap_or(path), wanted.debug != 0)
        }
    }
}

/// Checks that the server or node is this agent. A client without a target serves the request itself; a server
/// checks the region first.
fn check_target(agent: &Agent, call: &Call, query: &Query<'_>) -> Result<(), AgentError> {
    let node_id = query.non_empty("node_id");
    let is_own = |id: &str| agent.node_id().is_some_and(|own| own.as_str() == id);
    if node_id.as_deref().is_some_and(is_own) {
        return Ok(());
    }
    let server_id = query.non_empty("server_id");
    if agent.role().is_server() || node_id.is_some() || server_id.is_some() {
        target::region(agent, call)?;
    }
    match (node_id, server_id) {
        (Some(node_id), _) => Err(target::unknown_node(&node_id, ErrorStyle::Host)),
        (None, Some(server_id)) => {
            target::check_server(agent, &server_id, call, ErrorStyle::Host).map(drop)
        }
        (None, None) => Ok(()),
    }
}

fn named_profile(name: &str, as_text: bool) -> Result<Response<Body>, AgentError> {
    match name {
        "goroutine" => {
            let census = RuntimeSnapshot::capture(Handle::try_current().ok().as_ref());
            let census = census.map_err(|error| profile_error(error.into()))?;
            Ok(if as_text {
                text_response(census.to_text())
            } else {
                attachment(name, census.to_profile().to_gzip())
            })
        }
        "threadcreate" => {
            let threads = profile::threads().map_err(|error| profile_error(error.into()))?;
            Ok(if as_text {
                text_response(profile::thread_text(&threads))
            } else {
                attachment(name, threads.into_iter().collect::<Profile>().to_gzip())
            })
        }
        name => Err(not_recorded(name).unwrap_or_else(|| {
            let text = format!("Pprof profile not found profile: {name}");
            AgentError::with_status(StatusCode::NOT_FOUND, text)
        })),
    }
}

/// The arguments of this process, separated by NUL.
fn cmdline() -> Vec<u8> {
    let arguments: Vec<_> = std::env::args_os().map(|word| word.into_encoded_bytes()).collect();
    arguments.join(&0)
}

/// 501, with the reason, for a profile that only Go could give.
fn not_recorded(name: &str) -> Option<AgentError> {
    let (_, sentence) = NOT_RECORDED.iter().find(|(known, _)| *known == name)?;
    Some(AgentError::with_status(StatusCode::NOT_IMPLEMENTED, *sentence))
}

fn profile_error(error: ProfileError) -> AgentError {
    match error {
        ProfileError::Unsupported => {
            AgentError::with_status(StatusCode::NOT_IMPLEMENTED, error.to_string())
        }
        error => AgentError::internal(error.to_string()),
    }
}

fn text_response(body: impl Into<bytes::Bytes>) -> Response<Body> {
    with_nosniff(response::with_type(
        HeaderValue::from_static("text/plain; charset=utf-8"),
        Body::full(body),
    ))
}

fn attachment(name: &str, body: Vec<u8>) -> Response<Body> {
    let kind = HeaderValue::from_static("application/octet-stream");
    let mut response = with_nosniff(response::with_type(kind, Body::full(body)));
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    let disposition = disposition.expect("the names of profiles are plain words");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    response
}

fn with_nosniff(mut response: Response<Body>) -> Response<Body> {
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}
