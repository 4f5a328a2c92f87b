//! `/v1/client/*`

pub(crate) mod allocation;
pub(crate) mod fs;
mod gc;
pub(crate) mod identity;
pub(crate) mod metadata;
mod stats;

use tokio::task::spawn_blocking;

pub(crate) use self::{gc::gc, stats::stats};
use super::target::{self, ErrorStyle};
use crate::{
    agent::{Agent, ClientPart},
    error::{AgentError, WrongRole},
};

/// This agent's client part, if a call to a node names it.
///
/// # Errors
/// Nomad's texts for a node that is not this one, and for an agent that is no node.
fn local_node<'a>(
    agent: &'a Agent,
    node_id: Option<&str>,
    wording: ErrorStyle,
) -> Result<&'a ClientPart, AgentError> {
    let own = agent.client();
    match (own, node_id) {
        (Some(client), None) => Ok(client),
        (Some(client), Some(node_id)) if client.id.as_str() == node_id => Ok(client),
        (_, Some(node_id)) => Err(target::unknown_node(node_id, wording)),
        (None, None) => Err(AgentError::WrongRole(WrongRole::NoLocalNode)),
    }
}

/// Runs work that waits for disks and the kernel on a thread that may block.
async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, AgentError> {
    spawn_blocking(work).await.map_err(|_| AgentError::Stopping)
}
