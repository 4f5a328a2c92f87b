//! The file system calls: `/v1/client/fs/*`.
//!
//! A path is bytes, as the names of files are: what is no UTF-8 names a file like everything else.

use super::{Query, QueryError};
use crate::{
    go,
    id::{AllocId, IdParam},
    route::FsRoute,
};

/// Where an offset counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "a file has two ends")]
pub enum Origin {
    /// From the beginning.
    #[default]
    Start,
    /// Backwards from the end.
    End,
}

/// Which of a task's two logs is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a task has two outputs")]
pub enum LogType {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl LogType {
    /// `stdout` or `stderr`, as in queries and file names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// `GET /v1/client/fs/ls/:alloc`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// The directory, relative to the allocation directory; `/` unless given.
    pub path: Box<[u8]>,
}

/// `GET /v1/client/fs/stat/:alloc`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatQuery {
    /// The file, relative to the allocation directory.
    pub path: Box<[u8]>,
}

/// `GET /v1/client/fs/cat/:alloc`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatQuery {
    /// The file, relative to the allocation directory.
    pub path: Box<[u8]>,
}

/// `GET /v1/client/fs/readat/:alloc`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadAtQuery {
    /// The file, relative to the allocation directory.
    pub path: Box<[u8]>,
    /// Where to begin, in bytes.
    pub offset: i64,
    /// At most so many bytes; `None` for all.
    pub limit: Option<u64>,
}

/// `GET /v1/client/fs/stream/:alloc`: always framed, follows unless told not to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamQuery {
    /// The file, relative to the allocation directory; every frame carries it as written.
    pub path: Box<[u8]>,
    /// Go on at the end of the file.
    pub follow: bool,
    /// Where to begin, in bytes.
    pub offset: i64,
    /// From which end.
    pub origin: Origin,
}

/// `GET /v1/client/fs/logs/:alloc`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsQuery {
    /// The task.
    pub task: Box<str>,
    /// Which of its logs.
    pub log_type: LogType,
    /// Go on at the end of the newest file.
    pub follow: bool,
    /// Bytes as they are, without frames.
    pub plain: bool,
    /// Where to begin, in bytes over all files that are kept.
    pub offset: i64,
    /// From which end.
    pub origin: Origin,
}

impl ListQuery {
    /// Reads the parameters of `ls`.
    ///
    /// # Errors
    /// [`QueryError::MissingAllocId`].
    pub fn parse(id: &IdParam<AllocId>, query: &Query<'_>) -> Result<Self, QueryError> {
        require_alloc_id(id)?;
        Ok(Self {
            path: query.non_empty_bytes("path").map_or_else(|| b"/".as_slice().into(), Into::into),
        })
    }
}

impl StatQuery {
    /// Reads the parameters of `stat`.
    ///
    /// # Errors
    /// [`QueryError::MissingAllocId`], [`QueryError::MissingFileName`].
    pub fn parse(id: &IdParam<AllocId>, query: &Query<'_>) -> Result<Self, QueryError> {
        Ok(Self { path: file(id, query)? })
    }
}

impl CatQuery {
    /// Reads the parameters of `cat`.
    ///
    /// # Errors
    /// [`QueryError::MissingAllocId`], [`QueryError::MissingFileName`].
    pub fn parse(id: &IdParam<AllocId>, query: &Query<'_>) -> Result<Self, QueryError> {
        Ok(Self { path: file(id, query)? })
    }
}

impl ReadAtQuery {
    /// Reads the parameters of `readat`; `offset` is required.
    ///
    /// # Errors
    /// [`QueryError::MissingAllocId`], [`QueryError::MissingFileName`], [`QueryError::Offset`], [`QueryError::Limit`].
    pub fn parse(id: &IdParam<AllocId>, query: &Query<'_>) -> Result<Self, QueryError> {
        let path = file(id, query)?;
        let offset = go::parse_int(&query.first("offset").unwrap_or_default())
            .map_err(|source| QueryError::Offset { route: FsRoute::ReadAt, source })?;
        let limit = query.non_empty("limit").map(|value| go::parse_int(&value)).transpose();
        let limit = limit.map_err(QueryError::Limit)?;
        // Nothing and less than nothing both mean everything.
        let limit = limit.and_then(|limit| u64::try_from(limit).ok()).filter(|limit| *limit > 0);
        Ok(Self { path, offset, limit })
    }
}

impl StreamQuery {
    /// Reads the parameters of `stream`.
    ///
    /// # Errors
    /// [`QueryError::MissingAllocId`], [`QueryError::MissingFileName`], [`QueryError::Follow`],
    /// [`QueryError::Offset`], [`QueryError::Origin`].
    pub fn parse(id: &IdParam<AllocId>, query: &Query<'_>) -> Result<Self, QueryError> {
        let path = file(id, query)?;
        let follow = flag(query, "follow", true)
            .map_err(|source| QueryError::Follow { route: FsRoute::Stream, source })?;
        let offset = offset(FsRoute::Stream, query)?;
        Ok(Self { path, follow, offset, origin: origin(query)? })
    }
}

impl LogsQuery {
    /// Reads the parameters of `logs`.
    ///
    /// # Errors
    /// [`QueryError::MissingAllocId`], [`QueryError::MissingTask`], [`QueryError::Follow`],
    /// [`QueryError::LogsPlain`], [`QueryError::LogType`], [`QueryError::Offset`], [`QueryError::Origin`].
    pub fn parse(id: &IdParam<AllocId>, query: &Query<'_>) -> Result<Self, QueryError> {
        require_alloc_id(id)?;
        let task = query.non_empty("task").ok_or(QueryError::MissingTask)?.into();
        let follow = flag(query, "follow", false)
            .map_err(|source| QueryError::Follow { route: FsRoute::Logs, source })?;
        let plain = flag(query, "plain", false).map_err(QueryError::LogsPlain)?;
        let log_type = match query.first("type").as_deref() {
            Some("stdout") => LogType::Stdout,
            Some("stderr") => LogType::Stderr,
            _ => return Err(QueryError::LogType),
        };
        let offset = offset(FsRoute::Logs, query)?;
        Ok(Self { task, log_type, follow, plain, offset, origin: origin(query)? })
    }
}

fn require_alloc_id(id: &IdParam<AllocId>) -> Result<(), QueryError> {
    if id.is_empty() { Err(QueryError::MissingAllocId) } else { Ok(()) }
}

fn file(id: &IdParam<AllocId>, query: &Query<'_>) -> Result<Box<[u8]>, QueryError> {
    require_alloc_id(id)?;
    query.non_empty_bytes("path").map(Into::into).ok_or(QueryError::MissingFileName)
}

fn flag(query: &Query<'_>, key: &str, default: bool) -> Result<bool, go::BoolError> {
    query.non_empty(key).map_or(Ok(default), |value| go::parse_bool(&value))
}

fn offset(call: FsRoute, query: &Query<'_>) -> Result<i64, QueryError> {
    let offset = query.non_empty("offset").map_or(Ok(0), |value| go::parse_int(&value));
    offset.map_err(|source| QueryError::Offset { route: call, source })
}

fn origin(query: &Query<'_>) -> Result<Origin, QueryError> {
    match query.non_empty("origin").as_deref() {
        None | Some("start") => Ok(Origin::Start),
        Some("end") => Ok(Origin::End),
        Some(_) => Err(QueryError::Origin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(id: &str, raw: &str) -> String {
        LogsQuery::parse(&id.into(), &Query::new(raw))
            .map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn logs_complain_in_nomads_order() {
        assert_eq!(logs("", "task=foo"), "must provide a valid alloc id");
        assert_eq!(logs("foo", ""), "must provide task name");
        assert_eq!(logs("foo", "task=foo"), "must provide log type (stdout/stderr)");
        assert_eq!(
            logs("foo", "task=foo&type=x&follow=maybe"),
            r#"failed to parse follow field to boolean: strconv.ParseBool: parsing "maybe": invalid syntax"#
        );
        assert_eq!(
            logs("foo", "task=foo&type=stdout&offset=x&origin=y"),
            r#"error parsing offset: strconv.ParseInt: parsing "x": invalid syntax"#
        );
        assert_eq!(logs("foo", "task=foo&type=stdout&origin=y"), "origin must be start or end");
        assert_eq!(logs("foo", "task=foo&type=stdout"), "");
    }

    #[test]
    fn a_file_is_named_by_bytes() {
        let id = "foo".into();
        let stat = StatQuery::parse(&id, &Query::new("path=alloc/data/caf%E9.txt")).unwrap();
        assert_eq!(&*stat.path, b"alloc/data/caf\xe9.txt");
        assert!(StatQuery::parse(&id, &Query::new("path=")).is_err());
    }

    #[test]
    fn readat_requires_an_offset() {
        let id = "foo".into();
        let error = ReadAtQuery::parse(&id, &Query::new("path=a")).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"error parsing offset: strconv.ParseInt: parsing "": invalid syntax"#
        );
        let all = ReadAtQuery::parse(&id, &Query::new("path=a&offset=3&limit=-1")).unwrap();
        assert_eq!((all.offset, all.limit), (3, None));
    }

    #[test]
    fn stream_follows_unless_told_not_to() {
        let id = "foo".into();
        assert!(StreamQuery::parse(&id, &Query::new("path=a")).unwrap().follow);
        assert!(!StreamQuery::parse(&id, &Query::new("path=a&follow=False")).unwrap().follow);
    }
}
