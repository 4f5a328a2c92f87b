//! `PUT /v1/agent/reload`

use std::error::Error;

use http::Response;
use tokio::task;
use tracing::{error, info};

use crate::{agent::Agent, body::Body, error::AgentError, response};

/// Reloads the configuration, as SIGHUP does. A configuration that cannot be read is only logged, as with Nomad.
pub(crate) async fn reload(agent: &Agent) -> Result<Response<Body>, AgentError> {
    reload_config(agent).await;
    Ok(response::empty())
}

pub(crate) async fn reload_config(agent: &Agent) {
    let Some(source) = agent.config_source().cloned() else {
        info!(target: "agent", "nothing to reload: the configuration has no source");
        return;
    };
    // A source reads files.
    match task::spawn_blocking(move || source.read()).await {
        Ok(Ok(config)) => {
            let log_level = config.log_level;
            agent.apply_config(config);
            info!(target: "agent", ?log_level, "configuration reloaded");
        }
        Ok(Err(reason)) => {
            let error = with_causes(&*reason);
            error!(target: "agent", error, "failed to reload the configuration");
        }
        Err(error) => {
            error!(target: "agent", %error, "reading the configuration panicked or was cancelled");
        }
    }
}

/// An error with its sources: `Display` prints only the error itself.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
