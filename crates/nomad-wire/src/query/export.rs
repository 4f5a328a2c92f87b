//! `/v1/agent/monitor/export`.

use std::time::Duration;

use super::{Query, QueryError};
use crate::go;

/// How far back the journal is read unless `logs_since` says otherwise.
const DEFAULT_SINCE: Duration = Duration::from_secs(72 * 3600);

/// What an export is asked for, beside its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportQuery {
    /// The agent's own log file.
    pub on_disk: bool,
    /// A systemd unit's journal.
    pub service_name: Option<Box<str>>,
    /// Go on at the end of the journal.
    pub follow: bool,
    /// Bytes as they are, without frames.
    pub plain: bool,
    /// How far back the journal is read.
    pub logs_since: Duration,
}

impl ExportQuery {
    /// Reads the parameters in Nomad's order.
    ///
    /// # Errors
    /// [`QueryError::ExportBool`], [`QueryError::LogsSince`], [`QueryError::ConflictingTargets`],
    /// [`QueryError::ConflictingSources`], [`QueryError::MissingSource`], [`QueryError::CannotFollowFile`].
    pub fn parse(query: &Query<'_>) -> Result<Self, QueryError> {
        let flag = |name, key: &'static str| {
            let value = query.non_empty(key).map_or(Ok(false), |value| go::parse_bool(&value));
            value.map_err(|source| QueryError::ExportBool { name, key, source })
        };
        let on_disk = flag("on-disk", "on_disk")?;
        let follow = flag("follow", "follow")?;
        let plain = flag("plain", "plain")?;
        let since = query
            .non_empty("logs_since")
            .map_or(Ok(DEFAULT_SINCE), |value| go::parse_duration(&value));
        let logs_since = since.map_err(QueryError::LogsSince)?;
        let service_name: Option<Box<str>> = query.non_empty("service_name").map(Into::into);
        if query.non_empty("node_id").is_some() && query.non_empty("server_id").is_some() {
            return Err(QueryError::ConflictingTargets);
        }
        match (on_disk, service_name.is_some()) {
            (true, true) => Err(QueryError::ConflictingSources),
            (false, false) => Err(QueryError::MissingSource),
            (true, false) if follow => Err(QueryError::CannotFollowFile),
            _ => Ok(Self { on_disk, service_name, follow, plain, logs_since }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(raw: &str) -> String {
        ExportQuery::parse(&Query::new(raw)).unwrap_err().to_string()
    }

    #[test]
    fn errors_have_nomads_texts_and_order() {
        assert_eq!(
            refused("on_disk=green"),
            r#"Unknown value for on-disk: Failed to parse value of "on_disk" (green) as a bool: strconv.ParseBool: parsing "green": invalid syntax"#
        );
        assert_eq!(
            refused("logs_since=98seconds&on_disk=1&service_name=nomad"),
            r#"Unknown value for logs-since: time: unknown unit "seconds" in duration "98seconds""#
        );
        assert_eq!(
            refused("on_disk=1&service_name=nomad"),
            "Cannot target journald and nomad log file simultaneously"
        );
        assert_eq!(refused(""), "Either -service-name or -on-disk must be set");
        assert_eq!(refused("on_disk=1&follow=1"), "Cannot follow log file");
    }
}
