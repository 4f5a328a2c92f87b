//! What every endpoint reads before anything else.

use std::time::Duration;

use super::{Query, QueryError};
use crate::go;

/// The parameters that Nomad's common parser reads; blocking and paging have no effect on agent and client endpoints,
/// but their syntax is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryOptions {
    /// `stale`: present and empty, or true.
    pub stale: bool,
    /// `wait` of a blocking query.
    pub wait: Option<Duration>,
    /// `index` of a blocking query.
    pub index: u64,
}

impl QueryOptions {
    /// Reads the common parameters.
    ///
    /// # Errors
    /// [`QueryError::Stale`], [`QueryError::PerPage`], [`QueryError::Wait`] or [`QueryError::Index`], in this order.
    pub fn parse(query: &Query<'_>) -> Result<Self, QueryError> {
        let stale = match query.first("stale") {
            None => false,
            Some(value) if value.is_empty() => true,
            Some(value) => go::parse_bool(&value).map_err(|_| QueryError::Stale)?,
        };
        if let Some(value) = query.non_empty("per_page") {
            let number = go::parse_int(&value).map_err(|_| QueryError::PerPage)?;
            i32::try_from(number).map_err(|_| QueryError::PerPage)?;
        }
        let wait = query.non_empty("wait").map(|value| go::parse_duration(&value)).transpose();
        let wait = wait.map_err(|_| QueryError::Wait)?;
        let index = match query.non_empty("index") {
            None => 0,
            Some(value) => value.parse().map_err(|_| QueryError::Index)?,
        };
        Ok(Self { stale, wait, index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(raw: &str) -> String {
        QueryOptions::parse(&Query::new(raw)).unwrap_err().to_string()
    }

    #[test]
    fn errors_have_nomads_texts() {
        assert_eq!(
            refused("stale=random"),
            "Expect `true` or `false` for `stale` query string parameter"
        );
        assert_eq!(refused("per_page=x"), "Expect a number for `per_page` query string parameter");
        assert_eq!(refused("wait=60foo"), "Invalid wait time");
        assert_eq!(refused("index=foo"), "Invalid index");
    }

    #[test]
    fn values_are_read() {
        let query = Query::new("wait=60s&index=1000&stale");
        let common = QueryOptions::parse(&query).unwrap();
        assert_eq!(common.wait, Some(Duration::from_secs(60)));
        assert_eq!((common.index, common.stale), (1000, true));
    }
}
