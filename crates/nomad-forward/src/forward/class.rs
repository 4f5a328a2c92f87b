//! What kind of call it is: how long its answer may take, whether it may be asked again, and whether it is long-lived.
//!
//! The table of routes ([`nomad_wire::spec`]) says it of each call; where the query decides, it is read here.

use std::time::Duration;

use http::{Method, Uri};
use nomad_wire::{
    AllocId, Query, Route, Written,
    query::{Common, ExportQuery, LogsQuery, MonitorQuery, PprofQuery, StreamQuery},
    spec::{RouteClass, Stream},
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
        match route.spec().class {
            RouteClass::Read => Self::Read,
            RouteClass::SlowRead => Self::SlowRead,
            RouteClass::Profile => profile(&query),
            RouteClass::Stream(stream) => Self::of_stream(stream, route.allocation(), &query),
            RouteClass::Upgrade => Self::Upgrade,
            RouteClass::Pass if upgrade => Self::Upgrade,
            RouteClass::Pass if matches!(*method, Method::GET | Method::HEAD) => pass(uri, &query),
            // Whoever asks with another method wants something changed.
            RouteClass::Change | RouteClass::Pass => Self::Change,
        }
    }

    fn of_stream(stream: Stream, id: Option<&Written<AllocId>>, query: &Query<'_>) -> Self {
        let opening = match stream {
            Stream::Monitor => {
                MonitorQuery::parse(query).ok().map(|monitor| opening(monitor.plain))
            }
            // An export that is not followed ends by itself, but a journal of three days is long.
            Stream::Export => ExportQuery::parse(query).ok().map(|export| opening(export.plain)),
            Stream::Logs => id
                .and_then(|id| LogsQuery::parse(id, query).ok())
                .and_then(|logs| logs.follow.then(|| opening(logs.plain))),
            Stream::File => id
                .and_then(|id| StreamQuery::parse(id, query).ok())
                .and_then(|file| file.follow.then_some(Opening::AtOnce)),
            Stream::Snapshot => Some(Opening::WithFirstByte),
        };
        // What is not followed, and what the agent refuses at once, is a read.
        opening.map_or(Self::Read, Self::Stream)
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
    let Ok(route) = Route::parse(method, uri) else { return false };
    match Class::of(&route, method, uri, false) {
        Class::Blocking(_) => true,
        // A snapshot is long, and ends by itself.
        Class::Stream(_) => route.spec().class != RouteClass::Stream(Stream::Snapshot),
        Class::Read | Class::SlowRead | Class::Profile(_) | Class::Change | Class::Upgrade => false,
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

const fn opening(plain: bool) -> Opening {
    if plain { Opening::WithFirstByte } else { Opening::AtOnce }
}
