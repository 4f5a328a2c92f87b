//! `/v1/agent/pprof/*`

use http::{HeaderValue, Response, StatusCode, Uri, header};
use nomad_acl::Acl;
use nomad_wire::{
    Query,
    query::{Common, PprofQuery},
};
use tokio::runtime::Handle;

use crate::{
    agent::Agent,
    body::Body,
    error::AgentError,
    handle::target::{self, Wording},
    profile::{self, Census, Profile, ProfileError},
    reply,
};

/// Go keeps these; this runtime has nothing of the kind, and a made-up profile would be worse than none.
const KEPT_BY_GO_ONLY: [(&str, &str); 5] = [
    ("heap", "a heap profile: the system's allocator keeps no record of allocations, and it"),
    ("allocs", "a profile of allocations: the system's allocator keeps no record of them, and it"),
    ("block", "a profile of blocking: the runtime keeps no record of it, and it"),
    ("mutex", "a profile of contended locks: the runtime keeps no record of them, and it"),
    ("trace", "an execution trace, which is a format of the Go runtime,"),
];

/// The faults that come before any question of rights.
///
/// # Errors
/// 404 for the bare root, 400 for two targets.
pub(crate) fn check(name: &str, query: &Query<'_>) -> Result<PprofQuery, AgentError> {
    if name.is_empty() {
        return Err(AgentError::said(StatusCode::NOT_FOUND, "Invalid method"));
    }
    let wanted = PprofQuery::parse(query)?;
    Common::parse(query)?;
    Ok(wanted)
}

/// A profile of this process.
pub(crate) async fn answer(
    agent: &Agent,
    acl: &Acl,
    name: &str,
    uri: &Uri,
) -> Result<Response<Body>, AgentError> {
    let query = Query::of(uri);
    let wanted = check(name, &query)?;
    check_target(agent, &query)?;
    // Without ACLs nobody is asked for a token, so the operator must have opened the door.
    if acl.is_disabled() && !agent.config().enable_debug {
        return Err(AgentError::said(StatusCode::FORBIDDEN, "Permission denied"));
    }
    match name {
        "cmdline" => Ok(text(cmdline())),
        "profile" => {
            let profile = profile::cpu(wanted.seconds).await.map_err(failed)?;
            Ok(download("profile", profile.gzipped()))
        }
        "trace" => Err(not_kept("trace")),
        path => {
            // A caller's own word for it counts more than the path, as in Nomad.
            let named = query.filled("profile");
            self::named(named.as_deref().unwrap_or(path), wanted.debug != 0)
        }
    }
}

/// A server or node that is not this agent. A client that nobody in particular was asked of answers for itself.
fn check_target(agent: &Agent, query: &Query<'_>) -> Result<(), AgentError> {
    if let Some(node_id) = query.filled("node_id") {
        let is_own = agent.node_id().is_some_and(|own| own.as_str() == node_id);
        return if is_own { Ok(()) } else { Err(target::unknown_node(&node_id, Wording::Host)) };
    }
    match query.filled("server_id") {
        Some(server_id) => target::server(agent, &server_id, query, Wording::Host).map(drop),
        None => Ok(()),
    }
}

fn named(name: &str, as_text: bool) -> Result<Response<Body>, AgentError> {
    match name {
        "goroutine" => {
            let census = Census::take(Handle::try_current().ok().as_ref());
            let census = census.map_err(|error| failed(error.into()))?;
            Ok(if as_text {
                text(census.text())
            } else {
                download(name, census.profile().gzipped())
            })
        }
        "threadcreate" => {
            let threads = profile::threads().map_err(|error| failed(error.into()))?;
            Ok(if as_text {
                text(profile::thread_text(&threads))
            } else {
                download(name, threads.into_iter().collect::<Profile>().gzipped())
            })
        }
        "heap" | "allocs" | "block" | "mutex" => Err(not_kept(name)),
        name => Err(AgentError::said(
            StatusCode::NOT_FOUND,
            format!("Pprof profile not found profile: {name}"),
        )),
    }
}

/// The arguments of this process, with a NUL between each two.
fn cmdline() -> Vec<u8> {
    let arguments: Vec<_> = std::env::args_os().map(|word| word.into_encoded_bytes()).collect();
    arguments.join(&0)
}

fn not_kept(name: &str) -> AgentError {
    let found = KEPT_BY_GO_ONLY.iter().find(|(known, _)| *known == name);
    AgentError::NotServed(found.map_or("this profile", |(_, sentence)| sentence))
}

fn failed(error: ProfileError) -> AgentError {
    match error {
        ProfileError::Unsupported => {
            AgentError::said(StatusCode::NOT_IMPLEMENTED, error.to_string())
        }
        error => AgentError::failed(error.to_string()),
    }
}

fn text(body: impl Into<bytes::Bytes>) -> Response<Body> {
    secure(reply::typed(HeaderValue::from_static("text/plain; charset=utf-8"), Body::full(body)))
}

fn download(name: &str, body: Vec<u8>) -> Response<Body> {
    let kind = HeaderValue::from_static("application/octet-stream");
    let mut response = secure(reply::typed(kind, Body::full(body)));
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    let disposition = disposition.expect("the names of profiles are plain words");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    response
}

fn secure(mut response: Response<Body>) -> Response<Body> {
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}
