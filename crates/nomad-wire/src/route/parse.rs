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
    let route = if path.is_in("/v1/agent/") {
        agent(method, &path)
    } else if path.is_in("/v1/client/") {
        client(method, &path)
    } else {
        Route::Pass
    };
    if route.spec().takes.is_taken(method) { Ok(route) } else { Err(RouteError::Method(route)) }
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

fn agent(method: &Method, path: &MuxPath<'_>) -> Route {
    if let Some(profile) = path.below("/v1/agent/pprof/") {
        return Route::Pprof(profile.into());
    }
    if let Some(call) = path.below("/v1/agent/keyring/") {
        return match call {
            "list" => Route::Keyring(KeyringCall::List),
            "install" => Route::Keyring(KeyringCall::Install),
            "use" => Route::Keyring(KeyringCall::Use),
            "remove" => Route::Keyring(KeyringCall::Remove),
            _ => Route::Pass,
        };
    }
    match path.exact().and_then(|path| path.strip_prefix("/v1/agent/")).unwrap_or_default() {
        "members" => Route::Members,
        "servers" => either(method, Route::SetServers, Route::Servers),
        "self" => Route::SelfInfo,
        "join" => Route::Join,
        "force-leave" => Route::ForceLeave,
        "health" => Route::Health,
        "host" => Route::Host,
        "monitor" => Route::Monitor,
        "monitor/export" => Route::MonitorExport,
        "schedulers" => Route::Schedulers,
        "schedulers/config" => either(method, Route::SetSchedulersConfig, Route::SchedulersConfig),
        "reload" => Route::Reload,
        _ => Route::Pass,
    }
}

fn client(method: &Method, path: &MuxPath<'_>) -> Route {
    if let Some(rest) = path.below("/v1/client/fs/") {
        return fs(rest);
    }
    if let Some(rest) = path.below("/v1/client/allocation/") {
        return allocation(method, rest);
    }
    match path.exact().and_then(|path| path.strip_prefix("/v1/client/")).unwrap_or_default() {
        "stats" => Route::ClientStats,
        "gc" => Route::ClientGc,
        "metadata" => either(method, Route::SetMetadata, Route::Metadata),
        "identity" => Route::Identity,
        "identity/renew" => Route::RenewIdentity,
        _ => Route::Pass,
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
fn allocation(method: &Method, rest: &str) -> Route {
    let Some((id, call)) = rest.split_once('/') else { return Route::Pass };
    let route = |call| Route::Allocation(call, Written::from(id));
    match call {
        "stats" => route(AllocCall::Stats),
        "checks" => route(AllocCall::Checks),
        "restart" => route(AllocCall::Restart),
        "signal" => route(AllocCall::Signal),
        "gc" => route(AllocCall::Gc),
        "pause" => either(method, route(AllocCall::SetPause), route(AllocCall::Pause)),
        "exec" => route(AllocCall::Exec),
        "snapshot" => route(AllocCall::Snapshot),
        _ => Route::Pass,
    }
}

/// Of two calls on one path the one that takes the method; the second where neither does.
fn either(method: &Method, change: Route, read: Route) -> Route {
    if change.spec().takes.is_taken(method) { change } else { read }
}
