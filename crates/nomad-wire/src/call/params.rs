//! The parameters of a route that more than one place reads.

use crate::{
    FsRoute, Query, QueryError, Route,
    query::{
        CatQuery, ExportQuery, ListQuery, LogsQuery, MonitorQuery, PprofQuery, ReadAtQuery,
        StatQuery, StreamQuery,
    },
    route::AllocRoute,
};

/// The parsed parameters of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new call must show every match that has to learn it"
)]
pub enum Params {
    /// There are none, or only the handler reads them.
    None,
    /// Of a monitor.
    Monitor(MonitorQuery),
    /// Of an export.
    Export(Box<ExportQuery>),
    /// Of a profile.
    Pprof(PprofQuery),
    /// Of `ls`.
    List(ListQuery),
    /// Of `stat`.
    Stat(StatQuery),
    /// Of `cat`.
    Cat(CatQuery),
    /// Of `readat`.
    ReadAt(ReadAtQuery),
    /// Of `stream`.
    Stream(StreamQuery),
    /// Of `logs`.
    Logs(LogsQuery),
    /// A snapshot has none, and goes on.
    Snapshot,
}

impl Params {
    pub(super) fn parse(route: &Route, query: &Query<'_>) -> Result<Self, QueryError> {
        Ok(match route {
            Route::Monitor => Self::Monitor(MonitorQuery::parse(query)?),
            Route::MonitorExport => Self::Export(Box::new(ExportQuery::parse(query)?)),
            Route::Pprof(_) => Self::Pprof(PprofQuery::parse(query)?),
            Route::Fs(FsRoute::List, id) => Self::List(ListQuery::parse(id, query)?),
            Route::Fs(FsRoute::Stat, id) => Self::Stat(StatQuery::parse(id, query)?),
            Route::Fs(FsRoute::Cat, id) => Self::Cat(CatQuery::parse(id, query)?),
            Route::Fs(FsRoute::ReadAt, id) => Self::ReadAt(ReadAtQuery::parse(id, query)?),
            Route::Fs(FsRoute::Stream, id) => Self::Stream(StreamQuery::parse(id, query)?),
            Route::Fs(FsRoute::Logs, id) => Self::Logs(LogsQuery::parse(id, query)?),
            Route::Allocation(AllocRoute::Snapshot, _) => Self::Snapshot,
            Route::Allocation(
                AllocRoute::Stats
                | AllocRoute::Checks
                | AllocRoute::Restart
                | AllocRoute::Signal
                | AllocRoute::Gc
                | AllocRoute::Pause
                | AllocRoute::SetPause
                | AllocRoute::Exec,
                _,
            )
            | Route::Members
            | Route::Servers
            | Route::SetServers
            | Route::SelfInfo
            | Route::Join
            | Route::ForceLeave
            | Route::Health
            | Route::Host
            | Route::Schedulers
            | Route::SchedulersConfig
            | Route::SetSchedulersConfig
            | Route::Keyring(_)
            | Route::Reload
            | Route::ClientStats
            | Route::ClientGc
            | Route::Metadata
            | Route::SetMetadata
            | Route::Identity
            | Route::RenewIdentity
            | Route::Pass => Self::None,
        })
    }
}
