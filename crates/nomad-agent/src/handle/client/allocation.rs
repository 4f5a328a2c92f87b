//! `/v1/client/allocation/:alloc/*`

mod exec;
mod lifecycle;
mod pause;
mod snapshot;

use std::sync::Arc;

use http::{Response, StatusCode, Uri};
use nomad_wire::{AllocCall, AllocId, Query, Written};

pub(crate) use self::exec::check as check_exec;
use super::off_loop;
use crate::{
    agent::{Agent, Asked},
    alloc::Allocation,
    body::Body,
    error::AgentError,
    received::RequestBody,
    reply,
};

/// Answers a call on an allocation.
pub(crate) async fn answer<B: RequestBody>(
    agent: &Agent,
    call: AllocCall,
    id: &Written<AllocId>,
    asked: Asked<B>,
) -> Result<Response<Body>, AgentError> {
    match call {
        AllocCall::Stats => stats(find(agent, id)?, &asked.uri).await,
        AllocCall::Checks => reply::json(&find(agent, id)?.checks(), &asked.query()),
        AllocCall::Restart => lifecycle::restart(&*find(agent, id)?, asked).await,
        AllocCall::Signal => lifecycle::signal(&*find(agent, id)?, asked).await,
        AllocCall::Gc => lifecycle::gc(agent, &*find(agent, id)?).await,
        AllocCall::Pause => find(agent, id).and(Err(pause::enterprise_only())),
        AllocCall::SetPause => pause::set(&*find(agent, id)?, asked).await,
        AllocCall::Exec => exec::exec(agent, &*find(agent, id)?, asked).await,
        // Another agent is told nothing before it has proved itself.
        AllocCall::Snapshot => snapshot::snapshot(agent, id, asked).await,
    }
}

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
async fn stats(allocation: Arc<Allocation>, uri: &Uri) -> Result<Response<Body>, AgentError> {
    let query = Query::of(uri);
    let only = query.filled("task").map(String::from);
    let measured = off_loop(move || allocation.measure(only.as_deref())).await?;
    let stats = measured.map_err(|error| {
        AgentError::failed(format!("cannot read the processes of this host: {error}"))
    })?;
    reply::json(&stats, &query)
}
