//! Request → [`Route`].

use http::{Method, Uri};

use super::{
    AllocCall, FsCall, KeyringCall, Route, RouteError,
    path::{cleaned, decode, encode},
};
use crate::id::Written;

pub(super) fn route(method: &Method, uri: &Uri) -> Result<Route, RouteError> {
    if method == Method::CONNECT {
        // Its target is an authority: taken for a path, it would ask an agent to open a tunnel somewhere.
        return Err(RouteError::Method(Route::Pass));
    }
    let path = decode(uri.path());
    if let Some(clean) = cleaned(&path) {
        return Err(redirect(method, &clean, uri));
    }
    if let Some(rest) = path.strip_prefix("/v1/agent/") {
        agent(method, rest, uri)
    } else if let Some(rest) = path.strip_prefix("/v1/client/") {
        client(method, rest, uri)
    } else {
        Ok(Route::Pass)
    }
}

fn redirect(method: &Method, path: &str, uri: &Uri) -> RouteError {
    let mut location = encode(path);
    if let Some(query) = uri.query() {
        location.push('?');
        location.push_str(query);
    }
    match *method {
        Method::GET | Method::HEAD => RouteError::Redirect(location.into()),
        _ => RouteError::BareRedirect(location.into()),
    }
}

/// The path after `/v1/agent/`.
fn agent(method: &Method, rest: &str, uri: &Uri) -> Result<Route, RouteError> {
    match rest {
        "members" => only(method, is_get, Route::Members),
        "servers" => read_or_write(method, Route::Servers, Route::SetServers),
        "self" => only(method, is_get, Route::SelfInfo),
        "join" => only(method, is_write, Route::Join),
        "force-leave" => only(method, is_write, Route::ForceLeave),
        "health" => only(method, is_get, Route::Health),
        "host" => only(method, is_get, Route::Host),
        "monitor" => Ok(Route::Monitor),
        "monitor/export" => Ok(Route::MonitorExport),
        "schedulers" => only(method, is_get, Route::Schedulers),
        "schedulers/config" => {
            read_or_write(method, Route::SchedulersConfig, Route::SetSchedulersConfig)
        }
        "reload" => only(method, is_write, Route::Reload),
        "pprof" | "keyring" => Err(redirect(method, &format!("/v1/agent/{rest}/"), uri)),
        _ => Ok(match (rest.strip_prefix("pprof/"), rest.strip_prefix("keyring/")) {
            (Some(profile), _) => Route::Pprof(profile.into()),
            (_, Some("list")) => Route::Keyring(KeyringCall::List),
            (_, Some("install")) => Route::Keyring(KeyringCall::Install),
            (_, Some("use")) => Route::Keyring(KeyringCall::Use),
            (_, Some("remove")) => Route::Keyring(KeyringCall::Remove),
            _ => Route::Pass,
        }),
    }
}

/// The path after `/v1/client/`.
fn client(method: &Method, rest: &str, uri: &Uri) -> Result<Route, RouteError> {
    match rest {
        "stats" => Ok(Route::ClientStats),
        "gc" => Ok(Route::ClientGc),
        "metadata" if method == Method::POST => Ok(Route::SetMetadata),
        "metadata" => only(method, is_get, Route::Metadata),
        "identity" => only(method, is_get, Route::Identity),
        "identity/renew" => only(method, is_write, Route::RenewIdentity),
        "fs" | "allocation" => Err(redirect(method, &format!("/v1/client/{rest}/"), uri)),
        _ => match (rest.strip_prefix("fs/"), rest.strip_prefix("allocation/")) {
            (Some(rest), _) => Ok(fs(rest)),
            (_, Some(rest)) => allocation(method, rest),
            _ => Ok(Route::Pass),
        },
    }
}

/// The path after `/v1/client/fs/`: everything behind the call's slash is the id, further slashes included.
fn fs(rest: &str) -> Route {
    let Some((call, id)) = rest.split_once('/') else { return Route::Pass };
    let call = match call {
        "ls" => FsCall::List,
        "stat" => FsCall::Stat,
        "cat" => FsCall::Cat,
        "readat" => FsCall::ReadAt,
        "stream" => FsCall::Stream,
        "logs" => FsCall::Logs,
        _ => return Route::Pass,
    };
    Route::Fs(call, Written::from(id))
}

/// The path after `/v1/client/allocation/`: exactly an id and a call.
fn allocation(method: &Method, rest: &str) -> Result<Route, RouteError> {
    let Some((id, call)) = rest.split_once('/') else { return Ok(Route::Pass) };
    let call = match call {
        "stats" => AllocCall::Stats,
        "checks" => AllocCall::Checks,
        "restart" => AllocCall::Restart,
        "signal" => AllocCall::Signal,
        "gc" => AllocCall::Gc,
        "pause" if is_write(method) => AllocCall::SetPause,
        "pause" => AllocCall::Pause,
        "exec" => AllocCall::Exec,
        "snapshot" => AllocCall::Snapshot,
        _ => return Ok(Route::Pass),
    };
    let route = Route::Allocation(call, Written::from(id));
    match call {
        AllocCall::Signal => only(method, is_write, route),
        AllocCall::Pause => only(method, is_get, route),
        _ => Ok(route),
    }
}

fn only(method: &Method, takes: fn(&Method) -> bool, route: Route) -> Result<Route, RouteError> {
    if takes(method) { Ok(route) } else { Err(RouteError::Method(route)) }
}

fn read_or_write(method: &Method, read: Route, write: Route) -> Result<Route, RouteError> {
    if is_write(method) { Ok(write) } else { only(method, is_get, read) }
}

fn is_get(method: &Method) -> bool {
    method == Method::GET
}

fn is_write(method: &Method) -> bool {
    method == Method::PUT || method == Method::POST
}
