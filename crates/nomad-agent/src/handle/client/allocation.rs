//! `/v1/client/allocation/:alloc/*`

use std::sync::Arc;

use http::{Response, StatusCode, Uri};
use nomad_wire::{AllocId, Query, Written, query::Common};

use super::off_loop;
use crate::{agent::Agent, alloc::Allocation, body::Body, error::AgentError, reply};

/// The allocation that a call is about, whether it still runs or not.
///
/// # Errors
/// Nomad's texts: 500 for what is no id, 404 for an id that nothing here has, down to the letter.
pub(crate) fn find(agent: &Agent, id: &Written<AllocId>) -> Result<Arc<Allocation>, AgentError> {
    let found = agent.allocations().and_then(|allocations| allocations.find(&id.to_string()));
    found.ok_or_else(|| match id.id() {
        Ok(id) => {
            let id = nomad_wire::quote(id.as_str());
            AgentError::said(StatusCode::NOT_FOUND, format!("Unknown allocation {id}"))
        }
        Err(reason) => AgentError::failed(format!("alloc lookup failed: index error: {reason}")),
    })
}

/// What the tasks of an allocation use.
pub(crate) async fn stats(
    agent: &Agent,
    id: &Written<AllocId>,
    uri: &Uri,
) -> Result<Response<Body>, AgentError> {
    let query = Query::of(uri);
    Common::parse(&query)?;
    let allocation = find(agent, id)?;
    let only = query.filled("task").map(String::from);
    let measured = off_loop(move || allocation.measure(only.as_deref())).await?;
    let stats = measured.map_err(|error| {
        AgentError::failed(format!("cannot read the processes of this host: {error}"))
    })?;
    reply::json(&stats, &query)
}
