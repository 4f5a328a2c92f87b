//! What kind of call it is: the one table that says how long its answer may take, whether it may be asked again, and
//! whether it is long-lived.
//!
//! The reasons are Nomad's, read in its source (2.0.5):
//!
//! | calls | class | why |
//! |---|---|---|
//! | `members`, `servers`, `self`, `health`, `host`, `schedulers`, `schedulers/config`, `client/stats`, `metadata`, `identity`, `fs/ls`, `stat`, `cat`, `readat`, a log or file that is not followed, `allocation/:id/stats`, `checks`, `pause` | [`Read`](Class::Read) | an agent has it at hand, or asks a server, which waits 5 s for a leader |
//! | `keyring/list` | [`SlowRead`](Class::SlowRead) | a query to all members: 0.5 s × 16 × ⌈log₁₀(members + 1)⌉ while one of them is silent |
//! | `pprof` | [`Profile`](Class::Profile) | takes the seconds that are asked for |
//! | `monitor`, `monitor/export`, a log or file that is followed, `allocation/:id/snapshot` | [`Stream`](Class::Stream) | a framed one has a heartbeat after a second; a plain one sends no head before its first byte |
//! | `allocation/:id/exec` | [`Upgrade`](Class::Upgrade) | an agent upgrades before it looks at anything else |
//! | `allocation/:id/restart` | [`Change`](Class::Change) | waits for the task's end: its `shutdown_delay` and its `kill_timeout`, of which `max_kill_timeout` (30 s) is the end, unless an operator says otherwise |
//! | `allocation/:id/gc`, `client/gc` | [`Change`](Class::Change) | wait until the tasks are killed and the files deleted, one allocation after the other |
//! | `allocation/:id/signal`, `pause` | [`Change`](Class::Change) | wait for the driver; a pause ends the task as a restart does |
//! | `join` | [`Change`](Class::Change) | each address is dialled for up to 30 s |
//! | `force-leave` | [`Change`](Class::Change) | waits until gossip has spread it, 5 s at least |
//! | `keyring/install`, `use`, `remove` | [`Change`](Class::Change) | as `keyring/list` |
//! | `PUT servers` | [`Change`](Class::Change) | each server is pinged |
//! | `PUT schedulers/config`, `reload`, `POST metadata`, `identity/renew` | [`Change`](Class::Change) | what was changed once must not be changed twice by who was told that there is no answer |
//! | any other call with another method than `GET` and `HEAD` | [`Change`](Class::Change) | the same; `PUT` of a snapshot or a volume takes minutes |
//! | `GET operator/snapshot`, `volumes/external`, `volumes/snapshot` | [`SlowRead`](Class::SlowRead) | all state is written out first; a CSI plugin is given 2 min |
//! | `event/stream` | [`Stream`](Class::Stream) | no head before the first event |
//! | any other call that asks for an upgrade | [`Upgrade`](Class::Upgrade) | a job's action, a page that watches |
//! | any other read with an `index` above 0 | [`Blocking`](Class::Blocking) | the server waits for up to 300 s |
//! | any other read | [`Read`](Class::Read) | answered at once |

use std::time::Duration;

use http::{Method, Uri};
use nomad_wire::{
    AllocCall, FsCall, KeyringCall, Query, Route,
    query::{Common, ExportQuery, LogsQuery, MonitorQuery, PprofQuery, StreamQuery},
};

use crate::connect::Lease;

/// What kind of call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It changes nothing, and the answer begins at once.
    Read,
    /// It changes nothing, and the agent asks others for it, or has much to collect first.
    SlowRead,
    /// It takes this long.
    Profile(Duration),
    /// It waits for a change for at most so long; the server chooses when nothing is said.
    Blocking(Option<Duration>),
    /// It changes something, and may wait for what it brings about.
    Change,
    /// An answer that goes on.
    Stream(Opening),
    /// The connection will speak something else.
    Upgrade,
}

/// When an answer that goes on begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// With a heartbeat at the latest.
    AtOnce,
    /// With the first byte that there is to say.
    WithFirstByte,
}

impl Class {
    /// The class of a call.
    pub(crate) fn of(route: &Route, method: &Method, uri: &Uri, upgrade: bool) -> Self {
        let query = Query::of(uri);
        match route {
            Route::Members
            | Route::Servers
            | Route::SelfInfo
            | Route::Health
            | Route::Host
            | Route::Schedulers
            | Route::SchedulersConfig
            | Route::ClientStats
            | Route::Metadata
            | Route::Identity
            | Route::Fs(FsCall::List | FsCall::Stat | FsCall::Cat | FsCall::ReadAt, _)
            | Route::Allocation(AllocCall::Stats | AllocCall::Checks | AllocCall::Pause, _) => {
                Self::Read
            }
            Route::Keyring(KeyringCall::List) => Self::SlowRead,
            Route::Pprof(_) => profile(&query),
            Route::Monitor => monitor(&query),
            Route::MonitorExport => export(&query),
            Route::Fs(FsCall::Logs, id) => followed(LogsQuery::parse(id, &query), |logs| {
                logs.follow.then(|| opening(logs.plain))
            }),
            Route::Fs(FsCall::Stream, id) => followed(StreamQuery::parse(id, &query), |stream| {
                stream.follow.then_some(Opening::AtOnce)
            }),
            Route::Allocation(AllocCall::Snapshot, _) => Self::Stream(Opening::WithFirstByte),
            Route::Allocation(AllocCall::Exec, _) => Self::Upgrade,
            Route::Pass if upgrade => Self::Upgrade,
            Route::Pass if matches!(*method, Method::GET | Method::HEAD) => pass(uri, &query),
            // Whoever asks with another method wants something changed.
            Route::Pass
            | Route::SetServers
            | Route::Join
            | Route::ForceLeave
            | Route::SetSchedulersConfig
            | Route::Reload
            | Route::ClientGc
            | Route::SetMetadata
            | Route::RenewIdentity
            | Route::Keyring(KeyringCall::Install | KeyringCall::Use | KeyringCall::Remove)
            | Route::Allocation(
                AllocCall::Restart | AllocCall::Signal | AllocCall::Gc | AllocCall::SetPause,
                _,
            ) => Self::Change,
        }
    }
}

impl Class {
    /// How long it will hold its connection. An agent stops counting a connection when it is upgraded. What changes
    /// something may wait for minutes, but that it must be possible counts for more.
    pub(crate) const fn lease(self) -> Lease {
        match self {
            Self::Read | Self::SlowRead | Self::Profile(_) | Self::Change | Self::Upgrade => {
                Lease::Short
            }
            Self::Blocking(_) => Lease::Blocking,
            Self::Stream(_) => Lease::Stream,
        }
    }

    /// Whether nothing is different afterwards, so that it may be asked twice.
    pub(crate) const fn changes_nothing(self) -> bool {
        match self {
            Self::Read
            | Self::SlowRead
            | Self::Profile(_)
            | Self::Blocking(_)
            | Self::Stream(_) => true,
            Self::Change | Self::Upgrade => false,
        }
    }
}

/// Whether the answer to a request goes on, or is waited for, until something changes or the caller leaves: a stream that
/// is followed, or a blocking query.
#[must_use]
pub fn is_open_ended(method: &Method, uri: &Uri) -> bool {
    match Route::parse(method, uri) {
        // It is long, and ends by itself.
        Ok(Route::Allocation(AllocCall::Snapshot, _)) | Err(_) => false,
        Ok(route) => match Class::of(&route, method, uri, false) {
            Class::Blocking(_) | Class::Stream(_) => true,
            Class::Read | Class::SlowRead | Class::Profile(_) | Class::Change | Class::Upgrade => {
                false
            }
        },
    }
}

/// A read that is a server's business.
fn pass(uri: &Uri, query: &Query<'_>) -> Class {
    match &*Route::decoded_path(uri) {
        "/v1/event/stream" => return Class::Stream(Opening::WithFirstByte),
        "/v1/operator/snapshot" | "/v1/volumes/external" | "/v1/volumes/snapshot" => {
            return Class::SlowRead;
        }
        _ => {}
    }
    match Common::parse(query) {
        Ok(common) if common.index > 0 => Class::Blocking(common.wait),
        // What does not wait, and what a server refuses at once.
        Ok(_) | Err(_) => Class::Read,
    }
}

fn profile(query: &Query<'_>) -> Class {
    PprofQuery::parse(query).map_or(Class::Read, |query| Class::Profile(query.seconds))
}

fn monitor(query: &Query<'_>) -> Class {
    followed(MonitorQuery::parse(query), |monitor| Some(opening(monitor.plain)))
}

/// An export that is not followed ends by itself, but a journal of three days is long.
fn export(query: &Query<'_>) -> Class {
    followed(ExportQuery::parse(query), |export| Some(opening(export.plain)))
}

/// A stream that is followed. What is not, and what the agent refuses at once, is a read.
fn followed<T, E>(query: Result<T, E>, opening: impl FnOnce(T) -> Option<Opening>) -> Class {
    query.ok().and_then(opening).map_or(Class::Read, Class::Stream)
}

const fn opening(plain: bool) -> Opening {
    if plain { Opening::WithFirstByte } else { Opening::AtOnce }
}
