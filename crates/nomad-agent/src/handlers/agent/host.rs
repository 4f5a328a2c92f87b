//! `GET /v1/agent/host`

use std::sync::Arc;

use http::{Response, StatusCode, Uri};
use nomad_acl::Acl;
use nomad_wire::{Call, Query, QueryError, agent::AgentHost};
use tokio::task;

use crate::{
    agent::Agent,
    body::Body,
    error::AgentError,
    handlers::target::{self, ErrorStyle},
    response,
};

/// The facts of the host: bare without a target, otherwise with the id of the agent.
pub(crate) async fn host(
    agent: &Agent,
    acl: &Acl,
    call: &Call,
    uri: &Uri,
) -> Result<Response<Body>, AgentError> {
    // Without ACLs no token is required, so the operator must have set `enable_debug`.
    if acl.is_disabled() && !agent.config().enable_debug {
        return Err(AgentError::with_status(StatusCode::FORBIDDEN, "Permission denied"));
    }
    let query = Query::from_uri(uri);
    let target = target_id(agent, call, &query)?;
    let node = Arc::clone(agent.host());
    let facts = task::spawn_blocking(move || node.facts());
    let host_data = facts.await.map_err(|_| AgentError::Stopping)?;
    match target {
        None => response::json(&host_data, &query),
        Some(agent_id) => {
            response::json(&AgentHost { agent_id, host_data, ..AgentHost::default() }, &query)
        }
    }
}

/// The id that the response shows; `None` when the request names no target.
fn target_id(agent: &Agent, call: &Call, query: &Query<'_>) -> Result<Option<String>, AgentError> {
    let (node_id, server_id) = (query.non_empty("node_id"), query.non_empty("server_id"));
    if node_id.is_some() && server_id.is_some() {
        return Err(QueryError::ConflictingHostTargets.into());
    }
    let Some(target) = server_id.as_ref().or(node_id.as_ref()) else { return Ok(None) };
    // Parsed only for a request with a target, as in Nomad.
    call.common.clone()?;
    // A `server_id` that is the id of the local node is handled by that node.
    if let Some(own) = agent.node_id().filter(|own| own.as_str() == target.as_ref()) {
        return Ok(Some(own.to_string()));
    }
    target::region(agent, call)?;
    match server_id {
        Some(server_id) => {
            target::check_server(agent, &server_id, call, ErrorStyle::Host).map(Some)
        }
        None => Err(target::unknown_node(target, ErrorStyle::Host)),
    }
}
