//! `/v1/agent/schedulers` and `/v1/agent/schedulers/config`

use http::{Response, StatusCode};
use nomad_wire::{
    Query,
    agent::{Schedulers as Workers, SchedulersConfig},
};
use serde_json::Value;

use crate::{
    agent::{Agent, HandlerRequest},
    body::Body,
    error::{AgentError, WrongRole},
    request_body::{RequestBody, read_body},
    response,
    schedulers::{SchedulerConfig, Schedulers},
};

/// Every worker of this server.
pub(crate) fn list(agent: &Agent, query: &Query<'_>) -> Result<Response<Body>, AgentError> {
    let answer = Workers {
        schedulers: schedulers(agent)?.workers(),
        server_id: agent.config().serf_name(),
        ..Workers::default()
    };
    response::json(&answer, query)
}

/// Number of workers, and their evaluation types.
pub(crate) fn config(agent: &Agent, query: &Query<'_>) -> Result<Response<Body>, AgentError> {
    let config = schedulers(agent)?.config();
    let answer = SchedulersConfig {
        enabled_schedulers: config.enabled,
        num_schedulers: i64::try_from(config.workers).unwrap_or(i64::MAX),
        server_id: agent.config().serf_name(),
        ..SchedulersConfig::default()
    };
    response::json(&answer, query)
}

/// Applies another configuration until the agent ends, and returns the one in force then.
pub(crate) async fn set<B: RequestBody>(
    agent: &Agent,
    request: HandlerRequest<B>,
) -> Result<Response<Body>, AgentError> {
    let HandlerRequest { uri, body, .. } = request;
    let pool = schedulers(agent)?;
    let wanted = parse_config(&read_body(body).await?)?;
    pool.reconfigure(wanted).map_err(|_| bad_request("Invalid request"))?;
    config(agent, &Query::from_uri(&uri))
}

fn schedulers(agent: &Agent) -> Result<&Schedulers, AgentError> {
    agent.schedulers().ok_or(AgentError::WrongRole(WrongRole::ServerOnly))
}

/// Parses a body as Go does: keys in any case, the last duplicate counts, unknown ones are ignored.
fn parse_config(body: &[u8]) -> Result<SchedulerConfig, AgentError> {
    if body.is_empty() {
        return Err(bad_request("Invalid request: Request body is empty"));
    }
    let broken = |error: serde_json::Error| bad_request(format!("Invalid request: {error}"));
    // What follows the first value is ignored, as in Go.
    let first = serde_json::Deserializer::from_slice(body).into_iter::<Value>().next();
    let value = first.transpose().map_err(broken)?;
    let fields = match value {
        Some(Value::Object(fields)) => fields,
        // Go takes `null` for an object without keys.
        Some(Value::Null) => serde_json::Map::new(),
        _ => return Err(bad_request("Invalid request: the body must be a JSON object")),
    };
    let (mut number, mut enabled) = (0_i64, Vec::new());
    for (key, value) in fields {
        // Go leaves a field unchanged when its value is null.
        match key.to_ascii_lowercase().as_str() {
            _ if value.is_null() => {}
            "num_schedulers" => number = serde_json::from_value(value).map_err(broken)?,
            "enabled_schedulers" => enabled = serde_json::from_value(value).map_err(broken)?,
            _ => {}
        }
    }
    let workers = usize::try_from(number).map_err(|_| bad_request("Invalid request"))?;
    Ok(SchedulerConfig { workers, enabled })
}

fn bad_request(text: impl Into<String>) -> AgentError {
    AgentError::with_status(StatusCode::BAD_REQUEST, text)
}
