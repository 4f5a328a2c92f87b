//! The calls that change whom an agent knows: `join`, `force-leave`, `servers`.

use std::borrow::Cow;

use super::{Query, QueryError};
use crate::go;

/// `PUT /v1/agent/join`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinQuery<'a> {
    /// The addresses to join; at least one.
    pub addresses: Vec<Cow<'a, str>>,
}

impl<'a> JoinQuery<'a> {
    /// Reads the addresses.
    ///
    /// # Errors
    /// [`QueryError::MissingJoinAddress`].
    pub fn parse(query: &Query<'a>) -> Result<Self, QueryError> {
        let addresses: Vec<_> = query.all("address").collect();
        if addresses.is_empty() {
            Err(QueryError::MissingJoinAddress)
        } else {
            Ok(Self { addresses })
        }
    }
}

/// `PUT /v1/agent/servers`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetServersQuery {
    /// The addresses that replace the list; at least one.
    pub addresses: Vec<Box<str>>,
}

impl SetServersQuery {
    /// Reads the addresses.
    ///
    /// # Errors
    /// [`QueryError::MissingServerAddress`].
    pub fn parse(query: &Query<'_>) -> Result<Self, QueryError> {
        let addresses: Vec<_> = query.all("address").map(Into::into).collect();
        if addresses.is_empty() {
            Err(QueryError::MissingServerAddress)
        } else {
            Ok(Self { addresses })
        }
    }
}

/// `PUT /v1/agent/force-leave`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForceLeaveQuery<'a> {
    /// The full name of the member, `name.region`.
    pub node: Cow<'a, str>,
    /// Drop it from the list as well.
    pub prune: bool,
}

impl<'a> ForceLeaveQuery<'a> {
    /// Reads the member and whether it is dropped.
    ///
    /// # Errors
    /// [`QueryError::MissingNode`], [`QueryError::Prune`].
    pub fn parse(query: &Query<'a>) -> Result<Self, QueryError> {
        let node = query.non_empty("node").ok_or(QueryError::MissingNode)?;
        let prune = match query.first("prune") {
            None => false,
            // The command line sends a bare `prune`.
            Some(value) if value.is_empty() => true,
            Some(value) => go::parse_bool(&value).map_err(|_| QueryError::Prune)?,
        };
        Ok(Self { node, prune })
    }
}
