//! `PUT /v1/agent/reload`

use http::Response;
use tokio::task;
use tracing::{error, info};

use crate::{agent::Agent, body::Body, error::AgentError, reply};

/// Reads the configuration anew, as SIGHUP does. What cannot be read is only logged, as with Nomad.
pub(crate) async fn reload(agent: &Agent) -> Result<Response<Body>, AgentError> {
    let Some(source) = agent.source().cloned() else {
        info!(target: "agent", "nothing to reload: the configuration came with the program");
        return Ok(reply::empty());
    };
    // A source reads files.
    match task::spawn_blocking(move || source.read()).await.map_err(|_| AgentError::Stopping)? {
        Ok(config) => {
            agent.reload(config);
            info!(target: "agent", log_level = ?config.log_level, "configuration reloaded");
        }
        Err(reason) => {
            error!(target: "agent", error = %reason, "failed to reload the configuration");
        }
    }
    Ok(reply::empty())
}
