//! `exec`: a command in a task's context.
//!
//! The session is the request body and the response body: every chunk of either is one message.
//! [`crate::websocket`] translates between these and a websocket.

use http::{Response, StatusCode};
use nomad_acl::{Capability, Subject, capability::NamespaceCapability};
use nomad_wire::{query::ExecQuery, quote};

use crate::{
    agent::{Agent, HandlerRequest},
    alloc::Allocation,
    body::Body,
    error::AgentError,
    exec::{self, ExecCommand},
    request_body::RequestBody,
    response,
    task::{Phase, Task},
    websocket,
};

/// Whether this agent allows commands in tasks.
///
/// # Errors
/// Nomad's response to a request without the capability.
pub(crate) fn check(agent: &Agent) -> Result<(), AgentError> {
    if agent.config().disable_remote_exec { Err(permission_denied()) } else { Ok(()) }
}

fn permission_denied() -> AgentError {
    AgentError::with_status(StatusCode::FORBIDDEN, "Permission denied")
}

/// Runs the command, and streams the messages about it until it has ended.
pub(super) async fn exec<B: RequestBody>(
    agent: &Agent,
    allocation: &Allocation,
    request: HandlerRequest<B>,
) -> Result<Response<Body>, AgentError> {
    check(agent)?;
    let query = request.query();
    let wanted = ExecQuery::parse(&query)?;
    if !websocket::is_upgrade(&request.headers) {
        return Err(AgentError::internal("websocket connection not found in context"));
    }
    // Tasks of this agent share its file system, so a command in a task is one on the node.
    let node_exec = Capability::Namespace(NamespaceCapability::AllocNodeExec);
    let subject = Subject::Namespace(allocation.namespace().clone());
    if !request.acl.has_capability(node_exec, &subject).is_allowed() {
        return Err(permission_denied());
    }
    let task = running_task(allocation, &wanted.task)?;
    let command = ExecCommand {
        argv: wanted.command,
        tty: wanted.tty,
        context: task.context().clone(),
        state: task.subscribe(),
    };
    tracing::info!(target: "client.exec", alloc_id = %allocation.id(), task = task.name(), tty = command.tty, "command started in a task");
    let body = request.body;
    Ok(response::stream(false, agent.stream(|chunks| exec::run(command, body, chunks)).await?))
}

/// The task, if it runs, so that a command can run in its context.
fn running_task<'a>(allocation: &'a Allocation, name: &str) -> Result<&'a Task, AgentError> {
    let quoted = quote(name);
    let refused = |status, text: String| Err(AgentError::with_status(status, text));
    let Some(task) = allocation.task(name) else {
        return refused(StatusCode::BAD_REQUEST, format!("unknown task name {quoted}"));
    };
    let state = task.state();
    match state.phase {
        Phase::Running => Ok(task),
        Phase::Pending if state.started.is_none() => {
            refused(StatusCode::NOT_FOUND, format!("task {quoted} not started yet."))
        }
        Phase::Pending | Phase::Dead => {
            refused(StatusCode::NOT_FOUND, format!("task {quoted} is not running."))
        }
    }
}
