//! `GET /v1/agent/health`

use http::Response;
use nomad_wire::{
    Query,
    agent::{Health, HealthStatus},
    query::Common,
};

use crate::{agent::Agent, body::Body, error::AgentError, reply};

/// Whether the roles of the agent work: those that `type` names, or those that it has.
pub(crate) fn health(agent: &Agent, query: &Query<'_>) -> Result<Response<Body>, AgentError> {
    let common = Common::parse(query)?;
    let named: Vec<_> = query.all("type").collect();
    let wanted = |role: &str, has: bool| match named.as_slice() {
        [] => has,
        named => named.iter().any(|name| name == role),
    };
    let role = agent.role();
    let health = Health {
        client: wanted("client", role.is_client()).then(|| client(agent)),
        server: wanted("server", role.is_server()).then(|| server(agent, &common)),
        ..Health::default()
    };
    Ok(reply::health(health.is_healthy(), health.to_body(reply::layout(query))?))
}

fn client(agent: &Agent) -> HealthStatus {
    if !agent.role().is_client() {
        HealthStatus::failing("client not enabled")
    } else if agent.servers().is_empty() {
        HealthStatus::failing("no known servers")
    } else {
        HealthStatus::ok()
    }
}

/// Nomad waits five seconds for a leader before it says so; the roster knows at once.
fn server(agent: &Agent, common: &Common<'_>) -> HealthStatus {
    if !agent.role().is_server() {
        return HealthStatus::failing("server not enabled");
    }
    let region = common.region.as_deref().unwrap_or(&agent.config().region);
    if agent.membership().leader(region).is_some() {
        return HealthStatus::ok();
    }
    let is_known = agent.membership().members().iter().any(|member| member.region == region);
    HealthStatus::failing(if !is_known && region != agent.config().region {
        "No path to region"
    } else if common.stale {
        "no leader"
    } else {
        "No cluster leader"
    })
}
