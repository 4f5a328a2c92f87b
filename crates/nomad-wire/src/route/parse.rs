//! Request → [`Route`].

use http::{Method, Uri};

use super::{
    AllocRoute, FsRoute, KeyringRoute, Route, RouteError,
    path::{self, MuxPath},
};
use crate::id::IdParam;

pub(super) fn parse_route(method: &Method, uri: &Uri) -> Result<Route, RouteError> {
    if method == Method::CONNECT {
        // Its target is an authority: taken for a path, it would ask an agent to open a tunnel somewhere.
        return Err(RouteError::MethodNotAllowed(Route::Pass));
    }
    let path = MuxPath::parse(uri.path()).ok_or(RouteError::BadEscape)?;
    if let Some(place) = path::redirect_location(&path, uri.path()) {
        return Err(redirect_error(method, place, uri));
    }
    let route = if path.may_be_in_subtree("/v1/agent/") {
        agent_route(method, &path)
    } else if path.may_be_in_subtree("/v1/client/") {
        client_route(method, &path)
    } else {
        Route::Pass
    };
    if route.spec().takes.is_taken(method) {
        Ok(route)
    } else {
        Err(RouteError::MethodNotAllowed(route))
    }
}

fn redirect_error(method: &Method, mut location: String, uri: &Uri) -> RouteError {
    if let Some(query) = uri.query() {
        location.push('?');
        location.push_str(query);
    }
    match *method {
        Method::GET | Method::HEAD => RouteError::Redirect(location.into()),
        _ => RouteError::RedirectWithoutBody(location.into()),
    }
}

fn agent_route(method: &Method, path: &MuxPath<'_>) -> Route {
    if let Some(profile) = path.strip_subtree("/v1/agent/pprof/") {
        return Route::Pprof(profile.into());
    }
    if let Some(call) = path.strip_subtree("/v1/agent/keyring/") {
        return match call {
            "list" => Route::Keyring(KeyringRoute::List),
            "install" => Route::Keyring(KeyringRoute::Install),
            "use" => Route::Keyring(KeyringRoute::Use),
            "remove" => Route::Keyring(KeyringRoute::Remove),
            _ => Route::Pass,
        };
    }
    match path
        .without_escaped_slashes()
        .and_then(|path| path.strip_prefix("/v1/agent/"))
        .unwrap_or_default()
    {
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

fn client_route(method: &Method, path: &MuxPath<'_>) -> Route {
    if let Some(rest) = path.strip_subtree("/v1/client/fs/") {
        return fs_route(rest);
    }
    if let Some(rest) = path.strip_subtree("/v1/client/allocation/") {
        return alloc_route(method, rest);
    }
    match path
        .without_escaped_slashes()
        .and_then(|path| path.strip_prefix("/v1/client/"))
        .unwrap_or_default()
    {
        "stats" => Route::ClientStats,
        "gc" => Route::ClientGc,
        "metadata" => either(method, Route::SetMetadata, Route::Metadata),
        "identity" => Route::Identity,
        "identity/renew" => Route::RenewIdentity,
        _ => Route::Pass,
    }
}

/// The path after `/v1/client/fs/`: everything behind the call's slash is the id, further slashes included.
fn fs_route(rest: &str) -> Route {
    let Some((call, id)) = rest.split_once('/') else { return Route::Pass };
    let call = match call {
        "ls" => FsRoute::List,
        "stat" => FsRoute::Stat,
        "cat" => FsRoute::Cat,
        "readat" => FsRoute::ReadAt,
        "stream" => FsRoute::Stream,
        "logs" => FsRoute::Logs,
        _ => return Route::Pass,
    };
    Route::Fs(call, IdParam::from(id))
}

/// The path after `/v1/client/allocation/`: exactly an id and a call.
fn alloc_route(method: &Method, rest: &str) -> Route {
    let Some((id, call)) = rest.split_once('/') else { return Route::Pass };
    let route = |call| Route::Allocation(call, IdParam::from(id));
    match call {
        "stats" => route(AllocRoute::Stats),
        "checks" => route(AllocRoute::Checks),
        "restart" => route(AllocRoute::Restart),
        "signal" => route(AllocRoute::Signal),
        "gc" => route(AllocRoute::Gc),
        "pause" => either(method, route(AllocRoute::SetPause), route(AllocRoute::Pause)),
        "exec" => route(AllocRoute::Exec),
        "snapshot" => route(AllocRoute::Snapshot),
        _ => Route::Pass,
    }
}

/// Of two calls on one path the one that takes the method; the second where neither does.
fn either(method: &Method, change: Route, read: Route) -> Route {
    if change.spec().takes.is_taken(method) { change } else { read }
}
