//! Request → [`Route`].

use http::{Method, Uri};

use super::{
    AllocCall, FsCall, KeyringCall, Route, RouteError,
    path::{self, MuxPath},
};
use crate::id::Written;

pub(super) fn route(method: &Method, uri: &Uri) -> Result<Route, RouteError> {
    if method == Method::CONNECT {
        // Its target is an authority: taken for a path, it would ask an agent to open a tunnel somewhere.
        return Err(RouteError::Method(Route::Pass));
    }
    let path = MuxPath::of(uri.path()).ok_or(RouteError::Escape)?;
    if let Some(place) = path::redirect(&path, uri.path()) {
        return Err(redirect(method, place, uri));
    }
    if path.is_in("/v1/agent/") {
        agent(method, &path)
    } else if path.is_in("/v1/client/") {
        client(method, &path)
    } else {
        Ok(Route::Pass)
    }
}

fn redirect(method: &Method, mut location: String, uri: &Uri) -> RouteError {
    if let Some(query) = uri.query() {
        location.push('?');
        location.push_str(query);
    }
    match *method {
        Method::GET | Method::HEAD => RouteError::Redirect(location.into()),
        _ => RouteError::BareRedirect(location.into()),
    }
}

fn agent(method: &Method, path: &MuxPath<'_>) -> Result<Route, RouteError> {
    if let Some(profile) = path.below("/v1/agent/pprof/") {
        return Ok(Route::Pprof(profile.into()));
    }
    if let Some(call) = path.below("/v1/agent/keyring/") {
        return Ok(match call {
            "list" => Route::Keyring(KeyringCall::List),
            "install" => Route::Keyring(KeyringCall::Install),
            "use" => Route::Keyring(KeyringCall::Use),
            "remove" => Route::Keyring(KeyringCall::Remove),
            _ => Route::Pass,
        });
    }
    match path.exact().and_then(|path| path.strip_prefix("/v1/agent/")).unwrap_or_default() {
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
        _ => Ok(Route::Pass),
    }
}

fn client(method: &Method, path: &MuxPath<'_>) -> Result<Route, RouteError> {
    if let Some(rest) = path.below("/v1/client/fs/") {
        return Ok(fs(rest));
    }
    if let Some(rest) = path.below("/v1/client/allocation/") {
        return allocation(method, rest);
    }
    match path.exact().and_then(|path| path.strip_prefix("/v1/client/")).unwrap_or_default() {
        "stats" => Ok(Route::ClientStats),
        "gc" => Ok(Route::ClientGc),
        "metadata" if method == Method::POST => Ok(Route::SetMetadata),
        "metadata" => only(method, is_get, Route::Metadata),
        "identity" => only(method, is_get, Route::Identity),
        "identity/renew" => only(method, is_write, Route::RenewIdentity),
        _ => Ok(Route::Pass),
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
