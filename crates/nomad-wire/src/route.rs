//! The catalogue of calls: every `/v1/agent/*` and `/v1/client/*` call, and [`Route::Pass`] for all the rest.
//!
//! What is known of a call stands in its row of the table ([`Route::spec`]). Whoever needs more matches on [`Route`]
//! exhaustively, so that the compiler names every place that a new call has to be added to.

mod parse;
mod path;
mod print;
pub mod spec;

use std::borrow::Cow;

use http::{Method, Uri};
use thiserror::Error;

use crate::id::{AllocId, IdParam};

/// One call of the agent and client API, or anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new call must show every match that has to learn it"
)]
pub enum Route {
    /// `GET /v1/agent/members`
    Members,
    /// `GET /v1/agent/servers`
    Servers,
    /// `PUT /v1/agent/servers`
    SetServers,
    /// `GET /v1/agent/self`
    SelfInfo,
    /// `PUT /v1/agent/join`
    Join,
    /// `PUT /v1/agent/force-leave`
    ForceLeave,
    /// `GET /v1/agent/health`
    Health,
    /// `GET /v1/agent/host`
    Host,
    /// `/v1/agent/monitor`
    Monitor,
    /// `/v1/agent/monitor/export`
    MonitorExport,
    /// `/v1/agent/pprof/:profile`; the name is empty for the bare root.
    Pprof(Box<str>),
    /// `GET /v1/agent/schedulers`
    Schedulers,
    /// `GET /v1/agent/schedulers/config`
    SchedulersConfig,
    /// `PUT /v1/agent/schedulers/config`
    SetSchedulersConfig,
    /// `/v1/agent/keyring/:operation`
    Keyring(KeyringRoute),
    /// `PUT /v1/agent/reload`
    Reload,
    /// `/v1/client/stats`
    ClientStats,
    /// `/v1/client/gc`: collects every terminal allocation of the node, also as GET.
    ClientGc,
    /// `GET /v1/client/metadata`
    Metadata,
    /// `POST /v1/client/metadata`
    SetMetadata,
    /// `GET /v1/client/identity`
    Identity,
    /// `PUT /v1/client/identity/renew`
    RenewIdentity,
    /// `/v1/client/fs/:call/:alloc`
    Fs(FsRoute, IdParam<AllocId>),
    /// `/v1/client/allocation/:alloc/:call`
    Allocation(AllocRoute, IdParam<AllocId>),
    /// Everything else: a server's business.
    Pass,
}

/// A call below `/v1/client/fs/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new call must show every match that has to learn it"
)]
pub enum FsRoute {
    /// `ls`: the entries of a directory.
    List,
    /// `stat`: what a file is.
    Stat,
    /// `cat`: a whole file.
    Cat,
    /// `readat`: a part of a file.
    ReadAt,
    /// `stream`: a file in frames, followed.
    Stream,
    /// `logs`: a task's log over all its files.
    Logs,
}

/// A call below `/v1/client/allocation/:alloc/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new call must show every match that has to learn it"
)]
pub enum AllocRoute {
    /// `stats`: what its tasks use.
    Stats,
    /// `checks`: the state of its Nomad service checks.
    Checks,
    /// `restart`: restarts tasks.
    Restart,
    /// `signal`: sends tasks a signal.
    Signal,
    /// `gc`: collects it, also as GET.
    Gc,
    /// `GET pause`: the schedule state of a task.
    Pause,
    /// `PUT pause`: sets it.
    SetPause,
    /// `exec`: a command in a task, over a websocket.
    Exec,
    /// `snapshot`: its data as a tar, between agents only.
    Snapshot,
}

/// A call below `/v1/agent/keyring/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new call must show every match that has to learn it"
)]
pub enum KeyringRoute {
    /// `list`: the gossip keys.
    List,
    /// `install`: a further key.
    Install,
    /// `use`: the key to encrypt with.
    Use,
    /// `remove`: drops a key.
    Remove,
}

/// The parameter in a call's path.
#[derive(Debug)]
enum Parameter<'a> {
    None,
    Profile(&'a str),
    Allocation(&'a IdParam<AllocId>),
}

/// Why a request is no call.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RouteError {
    /// The path is a call's, the method is not. It carries the call that the path belongs to: on an agent without
    /// the right role Nomad complains about the role first.
    #[error("Invalid method")]
    MethodNotAllowed(Route),
    /// The path is not in the form that the mux serves; the caller is sent to the right one, query kept.
    #[error("redirected to {0}")]
    Redirect(Box<str>),
    /// The same of a request that is no `GET` and no `HEAD`: Go sends no page with it.
    #[error("redirected to {0}")]
    RedirectWithoutBody(Box<str>),
    /// The path has a `%` without two hexadecimal digits behind it. Go's server says no more than this.
    #[error("400 Bad Request")]
    BadEscape,
}

impl Route {
    /// The call that a request makes.
    ///
    /// Paths are matched as Go's `ServeMux` matches them: segment by segment, each percent-decoded, so that an escaped
    /// slash separates nothing. An unknown path is [`Route::Pass`]: whether a newer Nomad knows it is for a server to
    /// say.
    ///
    /// ```
    /// use http::{Method, Uri};
    /// use nomad_wire::Route;
    ///
    /// let uri = Uri::from_static("/v1/agent/members?pretty");
    /// assert_eq!(Route::parse(&Method::GET, &uri), Ok(Route::Members));
    /// ```
    ///
    /// # Errors
    /// [`RouteError::MethodNotAllowed`] when a known path does not take this method or it is `CONNECT`, [`RouteError::Redirect`] when the path is
    /// not clean (`//`, `.`, `..`, none of them escaped) or lacks the slash of a subtree, [`RouteError::BadEscape`] when it
    /// cannot be decoded.
    pub fn parse(method: &Method, uri: &Uri) -> Result<Self, RouteError> {
        parse::parse_route(method, uri)
    }

    /// The path of a request as Nomad's handlers read it: percent-decoded as a whole. Whoever decides by a path that is no
    /// call of the catalogue must decide by this one. It says more than the mux of a newer Nomad: with an escaped slash
    /// the path reaches no handler there, but does with Nomad 1.7 and older, so that what is guarded is guarded in both.
    #[must_use]
    pub fn decoded_path(uri: &Uri) -> Cow<'_, str> {
        path::decode_lossy(uri.path())
    }

    /// The allocation that the path of this call names.
    #[must_use]
    pub const fn allocation(&self) -> Option<&IdParam<AllocId>> {
        match self.parameter() {
            Parameter::Allocation(id) => Some(id),
            Parameter::None | Parameter::Profile(_) => None,
        }
    }

    const fn parameter(&self) -> Parameter<'_> {
        match self {
            Self::Fs(_, id) | Self::Allocation(_, id) => Parameter::Allocation(id),
            Self::Pprof(profile) => Parameter::Profile(profile),
            Self::Members
            | Self::Servers
            | Self::SetServers
            | Self::SelfInfo
            | Self::Join
            | Self::ForceLeave
            | Self::Health
            | Self::Host
            | Self::Monitor
            | Self::MonitorExport
            | Self::Schedulers
            | Self::SchedulersConfig
            | Self::SetSchedulersConfig
            | Self::Keyring(_)
            | Self::Reload
            | Self::ClientStats
            | Self::ClientGc
            | Self::Metadata
            | Self::SetMetadata
            | Self::Identity
            | Self::RenewIdentity
            | Self::Pass => Parameter::None,
        }
    }

    /// The path that makes this call; `None` for [`Route::Pass`].
    #[must_use]
    pub fn path(&self) -> Option<String> {
        if matches!(self, Self::Pass) { None } else { Some(print::path(self)) }
    }

    /// The method that makes this call; for calls that take any, the one Nomad's own client uses. `None` for
    /// [`Route::Pass`].
    #[must_use]
    pub const fn method(&self) -> Option<Method> {
        if matches!(self, Self::Pass) { None } else { Some(self.spec().sends.method()) }
    }
}
