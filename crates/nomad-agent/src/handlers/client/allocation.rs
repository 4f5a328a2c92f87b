//! `/v1/client/allocation/:alloc/*`

mod exec;
mod lifecycle;
mod pause;
mod snapshot;

use std::sync::Arc;

use http::{Response, StatusCode, Uri};
use nomad_wire::{AllocId, AllocRoute, IdParam, Query};

pub(crate) use self::exec::check as check_exec;
use super::run_blocking;
use crate::{
    agent::{Agent, HandlerRequest},
    alloc::Allocation,
    body::Body,
    error::AgentError,
    request_body::RequestBody,
    response,
};

/// Handles a call on an allocation.
pub(crate) async fn handle<B: RequestBody>(
    agent: &Agent,
    call: AllocRoute,
    id: &IdParam<AllocId>,
    request: HandlerRequest<B>,
) -> Result<Response<Body>, AgentError> {
    match call {
        AllocRoute::Stats => stats(find_allocation(agent, id)?, &request.uri).await,
        AllocRoute::Checks => {
            response::json(&find_allocation(agent, id)?.checks(), &request.query())
        }
        AllocRoute::Restart => lifecycle::restart(&*find_allocation(agent, id)?, request).await,
        AllocRoute::Signal => lifecycle::signal(&*find_allocation(agent, id)?, request).await,
        AllocRoute::Gc => lifecycle::gc(agent, &*find_allocation(agent, id)?).await,
        AllocRoute::Pause => find_allocation(agent, id).and(Err(pause::enterprise_only())),
        AllocRoute::SetPause => pause::set(&*find_allocation(agent, id)?, request).await,
        AllocRoute::Exec => exec::exec(agent, &*find_allocation(agent, id)?, request).await,
        // Another agent must authenticate before anything else is checked.
        AllocRoute::Snapshot => snapshot::snapshot(agent, id, request).await,
    }
}

/// The allocation that a call names, running or not.
///
/// # Errors
/// Nomad's texts: 500 for an invalid id, 404 for an id that is not exactly one of this agent's.
pub(crate) fn find_allocation(
    agent: &Agent,
    id: &IdParam<AllocId>,
) -> Result<Arc<Allocation>, AgentError> {
    let found = agent.allocations().and_then(|allocations| allocations.get(&id.to_string()));
    found.ok_or_else(|| match id.id() {
        Ok(id) => {
            let id = nomad_wire::quote(id.as_str());
            AgentError::with_status(StatusCode::NOT_FOUND, format!("Unknown allocation {id}"))
        }
        Err(reason) => AgentError::internal(format!("alloc lookup failed: index error: {reason}")),
    })
}

/// The resource usage of an allocation's tasks.
async fn stats(allocation: Arc<Allocation>, uri: &Uri) -> Result<Response<Body>, AgentError> {
    let query = Query::from_uri(uri);
    let only = query.non_empty("task").map(String::from);
    let measured = run_blocking(move || allocation.measure(only.as_deref())).await?;
    let stats = measured.map_err(|error| {
        AgentError::internal(format!("cannot read the processes of this host: {error}"))
    })?;
    response::json(&stats, &query)
}
