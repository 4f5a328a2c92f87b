//! [`Route`] → path and method.

use http::Method;

use super::{AllocCall, FsCall, KeyringCall, Route, path::encode};

pub(super) fn path(route: &Route) -> Option<String> {
    let fixed = match route {
        Route::Members => "/v1/agent/members",
        Route::Servers | Route::SetServers => "/v1/agent/servers",
        Route::SelfInfo => "/v1/agent/self",
        Route::Join => "/v1/agent/join",
        Route::ForceLeave => "/v1/agent/force-leave",
        Route::Health => "/v1/agent/health",
        Route::Host => "/v1/agent/host",
        Route::Monitor => "/v1/agent/monitor",
        Route::MonitorExport => "/v1/agent/monitor/export",
        Route::Schedulers => "/v1/agent/schedulers",
        Route::SchedulersConfig | Route::SetSchedulersConfig => "/v1/agent/schedulers/config",
        Route::Reload => "/v1/agent/reload",
        Route::ClientStats => "/v1/client/stats",
        Route::ClientGc => "/v1/client/gc",
        Route::Metadata | Route::SetMetadata => "/v1/client/metadata",
        Route::Identity => "/v1/client/identity",
        Route::RenewIdentity => "/v1/client/identity/renew",
        Route::Pprof(profile) => return Some(format!("/v1/agent/pprof/{}", encode(&**profile))),
        Route::Keyring(call) => return Some(format!("/v1/agent/keyring/{}", keyring(*call))),
        Route::Fs(call, id) => {
            return Some(format!("/v1/client/fs/{}/{}", fs(*call), encode(id.to_string())));
        }
        Route::Allocation(call, id) => {
            return Some(format!(
                "/v1/client/allocation/{}/{}",
                encode(id.to_string()),
                allocation(*call)
            ));
        }
        Route::Pass => return None,
    };
    Some(fixed.into())
}

pub(super) const fn method(route: &Route) -> Option<Method> {
    match route {
        Route::Members
        | Route::Servers
        | Route::SelfInfo
        | Route::Health
        | Route::Host
        | Route::Monitor
        | Route::MonitorExport
        | Route::Pprof(_)
        | Route::Schedulers
        | Route::SchedulersConfig
        | Route::Keyring(KeyringCall::List)
        | Route::ClientStats
        | Route::ClientGc
        | Route::Metadata
        | Route::Identity
        | Route::Fs(..)
        | Route::Allocation(
            AllocCall::Stats
            | AllocCall::Checks
            | AllocCall::Gc
            | AllocCall::Pause
            | AllocCall::Exec
            | AllocCall::Snapshot,
            _,
        ) => Some(Method::GET),
        Route::SetMetadata => Some(Method::POST),
        Route::SetServers
        | Route::Join
        | Route::ForceLeave
        | Route::SetSchedulersConfig
        | Route::Keyring(KeyringCall::Install | KeyringCall::Use | KeyringCall::Remove)
        | Route::Reload
        | Route::RenewIdentity
        | Route::Allocation(AllocCall::Restart | AllocCall::Signal | AllocCall::SetPause, _) => {
            Some(Method::PUT)
        }
        Route::Pass => None,
    }
}

const fn keyring(call: KeyringCall) -> &'static str {
    match call {
        KeyringCall::List => "list",
        KeyringCall::Install => "install",
        KeyringCall::Use => "use",
        KeyringCall::Remove => "remove",
    }
}

const fn fs(call: FsCall) -> &'static str {
    match call {
        FsCall::List => "ls",
        FsCall::Stat => "stat",
        FsCall::Cat => "cat",
        FsCall::ReadAt => "readat",
        FsCall::Stream => "stream",
        FsCall::Logs => "logs",
    }
}

const fn allocation(call: AllocCall) -> &'static str {
    match call {
        AllocCall::Stats => "stats",
        AllocCall::Checks => "checks",
        AllocCall::Restart => "restart",
        AllocCall::Signal => "signal",
        AllocCall::Gc => "gc",
        AllocCall::Pause | AllocCall::SetPause => "pause",
        AllocCall::Exec => "exec",
        AllocCall::Snapshot => "snapshot",
    }
}
