//! `PUT /v1/agent/force-leave`

use http::{Response, Uri};
use nomad_wire::{Query, query::ForceLeaveQuery};

use crate::{agent::Agent, body::Body, error::AgentError, membership::Removal, response};

/// Marks a failed server as left. The name must be the full one; an unknown one is no error.
pub(crate) async fn force_leave(agent: &Agent, uri: &Uri) -> Result<Response<Body>, AgentError> {
    let query = Query::from_uri(uri);
    let ForceLeaveQuery { node, prune } = ForceLeaveQuery::parse(&query)?;
    let removal = if prune { Removal::Prune } else { Removal::Leave };
    let removed = agent.membership().force_leave(&node, removal).await;
    removed.map_err(|error| AgentError::internal(error.to_string()))?;
    Ok(response::empty())
}
