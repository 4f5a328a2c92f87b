//! `restart`, `signal` and `gc` of one allocation.

use http::{Response, StatusCode};
use nomad_wire::client::{Acknowledgement, RestartRequest, SignalRequest};

use crate::{
    agent::{Agent, HandlerRequest},
    alloc::{AllocActionError, Allocation, RestartScope},
    body::Body,
    error::AgentError,
    request_body::{RequestBody, read_body},
    response,
};

/// Restarts tasks, and responds when their new processes have started.
pub(super) async fn restart<B: RequestBody>(
    allocation: &Allocation,
    request: HandlerRequest<B>,
) -> Result<Response<Body>, AgentError> {
    let HandlerRequest { uri, body, .. } = request;
    let wanted = RestartRequest::parse(&read_body(body).await?)
        .map_err(|error| AgentError::internal(error.to_string()))?;
    let restarted = match (wanted.task_name.as_str(), wanted.all_tasks) {
        ("", true) => allocation.restart_tasks(RestartScope::All).await,
        ("", false) => allocation.restart_tasks(RestartScope::Running).await,
        (_, true) => Err(AllocActionError::NameAndAll),
        (name, false) => allocation.restart_task(name).await,
    };
    restarted.map_err(|error| action_error(&error))?;
    response::json(&Acknowledgement::default(), &nomad_wire::Query::from_uri(&uri))
}

/// Sends the processes of tasks a signal.
pub(super) async fn signal<B: RequestBody>(
    allocation: &Allocation,
    request: HandlerRequest<B>,
) -> Result<Response<Body>, AgentError> {
    let HandlerRequest { uri, body, .. } = request;
    let wanted = SignalRequest::parse(&read_body(body).await?).map_err(|error| {
        AgentError::with_status(StatusCode::BAD_REQUEST, format!("Failed to decode body: {error}"))
    })?;
    let task = Some(wanted.task.as_str()).filter(|task| !task.is_empty());
    allocation.signal(task, &wanted.signal).await.map_err(|error| action_error(&error))?;
    response::json(&Acknowledgement::default(), &nomad_wire::Query::from_uri(&uri))
}

/// Collects the allocation, and responds when its files are removed.
pub(super) async fn gc(
    agent: &Agent,
    allocation: &Allocation,
) -> Result<Response<Body>, AgentError> {
    if let Some(allocations) = agent.allocations() {
        let collected = allocations.collect(allocation.id().as_str()).await;
        collected.map_err(|error| AgentError::internal(error.to_string()))?;
    }
    Ok(response::ok())
}

fn action_error(error: &AllocActionError) -> AgentError {
    AgentError::internal(error.to_string())
}
