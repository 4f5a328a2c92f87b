//! `/v1/agent/monitor`.

use super::{Query, QueryError};
use crate::go;

/// The least severe level that a monitor shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the levels of Nomad's logger")]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// `DEBUG` and worse.
    Debug,
    /// `INFO` and worse.
    Info,
    /// `WARN` and worse.
    Warn,
    /// `ERROR` only.
    Error,
    /// Nothing.
    Off,
}

impl LogLevel {
    /// Reads a level as Nomad's logger does: any case, white space around it ignored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "trace" => Some(Self::Trace),
            "debug" => Some(Self::Debug),
            "info" => Some(Self::Info),
            "warn" => Some(Self::Warn),
            "error" => Some(Self::Error),
            "off" => Some(Self::Off),
            _ => None,
        }
    }
}

/// What a monitor is asked for, beside its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonitorQuery {
    /// The least severe level, `INFO` unless given.
    pub log_level: LogLevel,
    /// Log lines as JSON.
    pub log_json: bool,
    /// Bytes as they are, without frames.
    pub plain: bool,
    /// File and line in every log line.
    pub log_include_location: bool,
}

impl MonitorQuery {
    /// Reads the parameters in Nomad's order.
    ///
    /// # Errors
    /// [`QueryError::LogLevel`], [`QueryError::LogJson`], [`QueryError::MonitorPlain`],
    /// [`QueryError::LogIncludeLocation`], [`QueryError::ConflictingTargets`].
    pub fn parse(query: &Query<'_>) -> Result<Self, QueryError> {
        let log_level = match query.non_empty("log_level") {
            None => LogLevel::Info,
            Some(text) => LogLevel::parse(&text)
                .ok_or_else(|| QueryError::LogLevel(text.into_owned().into()))?,
        };
        let flag =
            |key: &str| query.non_empty(key).map_or(Ok(false), |value| go::parse_bool(&value));
        let log_json = flag("log_json").map_err(QueryError::LogJson)?;
        let plain = flag("plain").map_err(QueryError::MonitorPlain)?;
        let log_include_location =
            flag("log_include_location").map_err(QueryError::LogIncludeLocation)?;
        if query.non_empty("node_id").is_some() && query.non_empty("server_id").is_some() {
            return Err(QueryError::ConflictingTargets);
        }
        Ok(Self { log_level, log_json, plain, log_include_location })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(raw: &str) -> String {
        MonitorQuery::parse(&Query::new(raw)).unwrap_err().to_string()
    }

    #[test]
    fn errors_have_nomads_texts() {
        assert_eq!(refused("log_level=warning"), "Unknown log level: warning");
        assert_eq!(
            refused("log_json=no"),
            r#"Unknown option for log json: strconv.ParseBool: parsing "no": invalid syntax"#
        );
        assert_eq!(
            refused("node_id=a&server_id=b"),
            "Cannot target node and server simultaneously"
        );
    }

    #[test]
    fn levels_are_trimmed_and_case_does_not_matter() {
        assert_eq!(
            MonitorQuery::parse(&Query::new("log_level=+WaRn")).unwrap().log_level,
            LogLevel::Warn
        );
    }
}
