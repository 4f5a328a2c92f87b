//! What can be wrong with a query, in Nomad's own words.

use thiserror::Error;

use crate::{
    go::{BoolError, DurationError, IntError},
    json::DecodeError,
    route::FsRoute,
};

/// Why a query string was refused. `Display` is exactly what Nomad answers; the status stands in [`crate::HttpError`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QueryError {
    /// `stale` is neither empty nor a boolean.
    #[error("Expect `true` or `false` for `stale` query string parameter")]
    Stale,
    /// `per_page` is no 32-bit integer.
    #[error("Expect a number for `per_page` query string parameter")]
    PerPage,
    /// `wait` is no duration.
    #[error("Invalid wait time")]
    Wait,
    /// `index` is no unsigned integer.
    #[error("Invalid index")]
    Index,
    /// A file system call without an allocation id.
    #[error("must provide a valid alloc id")]
    MissingAllocId,
    /// A file system call without a path.
    #[error("must provide a file name")]
    MissingFileName,
    /// Logs without a task.
    #[error("must provide task name")]
    MissingTask,
    /// Logs without `stdout` or `stderr`.
    #[error("must provide log type (stdout/stderr)")]
    LogType,
    /// `origin` is neither `start` nor `end`.
    #[error("origin must be start or end")]
    Origin,
    /// `offset` is no integer.
    #[error("error parsing offset: {source}")]
    Offset {
        /// The call: it decides the status.
        route: FsRoute,
        /// What is wrong with it.
        source: IntError,
    },
    /// `limit` is no integer.
    #[error("error parsing limit: {0}")]
    Limit(#[source] IntError),
    /// `follow` is no boolean.
    #[error("failed to parse follow field to boolean: {source}")]
    Follow {
        /// The call: it decides the status.
        route: FsRoute,
        /// What is wrong with it.
        source: BoolError,
    },
    /// `plain` of logs is no boolean.
    #[error("failed to parse plain field to boolean: {0}")]
    LogsPlain(#[source] BoolError),
    /// `log_level` names no level.
    #[error("Unknown log level: {0}")]
    LogLevel(Box<str>),
    /// `log_json` is no boolean.
    #[error("Unknown option for log json: {0}")]
    LogJson(#[source] BoolError),
    /// `plain` of a monitor is no boolean.
    #[error("Unknown option for plain: {0}")]
    MonitorPlain(#[source] BoolError),
    /// `log_include_location` is no boolean.
    #[error("Unknown option for log_include_location: {0}")]
    LogIncludeLocation(#[source] BoolError),
    /// `node_id` and `server_id` together.
    #[error("Cannot target node and server simultaneously")]
    ConflictingTargets,
    /// `node_id` and `server_id` together, as `/v1/agent/host` puts it.
    #[error("Can only forward to either client node or server")]
    ConflictingHostTargets,
    /// A parameter that decides who is asked stands more than once, with different values.
    #[error("query parameter {0:?} must not be repeated")]
    Repeated(&'static str),
    /// `command` of exec is no list of texts.
    #[error("failed to marshal command into json: {0}")]
    Command(#[source] DecodeError),
    /// `command` of exec is an empty list.
    #[error("command is not present")]
    MissingCommand,
    /// `tty` of exec is no boolean.
    #[error("tty value is not a boolean: {0}")]
    Tty(#[source] BoolError),
    /// `ws_handshake` of exec is no boolean.
    #[error("ws_handshake value is not a boolean: {0}")]
    Handshake(#[source] BoolError),
    /// `join` without an address.
    #[error("missing address to join")]
    MissingJoinAddress,
    /// `servers` without an address.
    #[error("missing server address")]
    MissingServerAddress,
    /// `force-leave` without a node.
    #[error("missing node to force leave")]
    MissingNode,
    /// `prune` is no boolean.
    #[error("invalid prune value")]
    Prune,
    /// A boolean of `monitor/export`.
    #[error("Unknown value for {name}: Failed to parse value of {} ({}) as a bool: {source}", crate::go::quote(.key), .source.0)]
    ExportBool {
        /// The name in Nomad's text.
        name: &'static str,
        /// The query key.
        key: &'static str,
        /// What is wrong with it.
        source: BoolError,
    },
    /// `logs_since` is no duration.
    #[error("Unknown value for logs-since: {0}")]
    LogsSince(#[source] DurationError),
    /// `on_disk` together with `service_name`.
    #[error("Cannot target journald and nomad log file simultaneously")]
    ConflictingSources,
    /// Neither `on_disk` nor `service_name`.
    #[error("Either -service-name or -on-disk must be set")]
    MissingSource,
    /// `on_disk` together with `follow`.
    #[error("Cannot follow log file")]
    CannotFollowFile,
}
