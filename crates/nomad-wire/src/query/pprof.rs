//! `/v1/agent/pprof/*`.

use std::time::Duration;

use super::{Query, QueryError};
use crate::go;

/// What a profile is asked for, beside its name and target. Numbers that cannot be read count as absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PprofQuery {
    /// How long `profile` and `trace` sample; one second unless given, and never less.
    pub seconds: Duration,
    /// Text instead of protobuf, for the named profiles.
    pub debug: i64,
    /// Collect garbage first, for `heap`.
    pub gc: bool,
}

impl PprofQuery {
    /// Reads the parameters.
    ///
    /// # Errors
    /// [`QueryError::ConflictingTargets`].
    pub fn parse(query: &Query<'_>) -> Result<Self, QueryError> {
        if query.non_empty("node_id").is_some() && query.non_empty("server_id").is_some() {
            return Err(QueryError::ConflictingTargets);
        }
        let number = |key: &str| {
            query.non_empty(key).and_then(|value| go::parse_int(&value).ok()).unwrap_or(0)
        };
        let seconds = u64::try_from(number("seconds")).unwrap_or(0).max(1);
        Ok(Self {
            seconds: Duration::from_secs(seconds),
            debug: number("debug"),
            gc: number("gc") > 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_counts_as_absent() {
        let query =
            PprofQuery::parse(&Query::new("seconds=-3&debug=x&gc=1&node_id=&server_id=")).unwrap();
        assert_eq!(query, PprofQuery { seconds: Duration::from_secs(1), debug: 0, gc: true });
    }
}
