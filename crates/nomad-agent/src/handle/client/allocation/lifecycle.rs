//! `restart`, `signal` and `gc` of one allocation.

use http::{Response, StatusCode};
use nomad_wire::client::{Acknowledgement, RestartRequest, SignalRequest};

use crate::{
    agent::{Agent, Asked},
    alloc::{ActError, Allocation, Which},
    body::Body,
    error::AgentError,
    received::{RequestBody, received},
    reply,
};

/// Restarts tasks, and answers when their new processes were started.
pub(super) async fn restart<B: RequestBody>(
    allocation: &Allocation,
    asked: Asked<B>,
) -> Result<Response<Body>, AgentError> {
    let Asked { uri, body, .. } = asked;
    let wanted = RestartRequest::parse(&received(body).await?)
        .map_err(|error| AgentError::failed(error.to_string()))?;
    let restarted = match (wanted.task_name.as_str(), wanted.all_tasks) {
        ("", true) => allocation.restart_tasks(Which::All).await,
        ("", false) => allocation.restart_tasks(Which::Running).await,
        (_, true) => Err(ActError::NameAndAll),
        (name, false) => allocation.restart_task(name).await,
    };
    restarted.map_err(|error| failed(&error))?;
    reply::json(&Acknowledgement::default(), &nomad_wire::Query::of(&uri))
}

/// Sends the processes of tasks a signal.
pub(super) async fn signal<B: RequestBody>(
    allocation: &Allocation,
    asked: Asked<B>,
) -> Result<Response<Body>, AgentError> {
    let Asked { uri, body, .. } = asked;
    let wanted = SignalRequest::parse(&received(body).await?).map_err(|error| {
        AgentError::said(StatusCode::BAD_REQUEST, format!("Failed to decode body: {error}"))
    })?;
    let task = Some(wanted.task.as_str()).filter(|task| !task.is_empty());
    allocation.signal(task, &wanted.signal).await.map_err(|error| failed(&error))?;
    reply::json(&Acknowledgement::default(), &nomad_wire::Query::of(&uri))
}

/// Collects the allocation; its files are gone when the answer comes.
pub(super) async fn gc(
    agent: &Agent,
    allocation: &Allocation,
) -> Result<Response<Body>, AgentError> {
    if let Some(allocations) = agent.allocations() {
        let collected = allocations.collect(allocation.id().as_str()).await;
        collected.map_err(|error| AgentError::failed(error.to_string()))?;
    }
    Ok(reply::nothing())
}

fn failed(error: &ActError) -> AgentError {
    AgentError::failed(error.to_string())
}
