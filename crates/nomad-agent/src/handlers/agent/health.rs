//! `GET /v1/agent/health`

use http::Response;
use nomad_wire::{
    Call, Query, Region,
    agent::{Health, HealthStatus},
};

use crate::{agent::Agent, body::Body, error::AgentError, response};

/// Whether the roles of the agent are healthy: those in `type`, or all that it has.
pub(crate) fn health(
    agent: &Agent,
    call: &Call,
    query: &Query<'_>,
) -> Result<Response<Body>, AgentError> {
    let is_stale = call.common.clone()?.stale;
    let named: Vec<_> = query.all("type").collect();
    let wanted = |role: &str, has: bool| match named.as_slice() {
        [] => has,
        named => named.iter().any(|name| name == role),
    };
    let role = agent.role();
    let health = Health {
        client: wanted("client", role.is_client()).then(|| client_health(agent)),
        server: wanted("server", role.is_server())
            .then(|| server(agent, call.region.as_ref(), is_stale)),
        ..Health::default()
    };
    Ok(response::health(health.is_healthy(), health.to_body(response::layout(query))?))
}

fn client_health(agent: &Agent) -> HealthStatus {
    if !agent.role().is_client() {
        HealthStatus::failing("client not enabled")
    } else if agent.servers().is_empty() {
        HealthStatus::failing("no known servers")
    } else {
        HealthStatus::ok()
    }
}

/// Nomad waits five seconds for a leader before it reports none; the roster knows at once.
fn server(agent: &Agent, region: Option<&Region>, is_stale: bool) -> HealthStatus {
    if !agent.role().is_server() {
        return HealthStatus::failing("server not enabled");
    }
    let own_region = agent.config().region.as_str();
    let region = region.map_or(own_region, Region::as_str);
    if agent.membership().leader(region).is_some() {
        return HealthStatus::ok();
    }
    let is_known = agent.membership().members().iter().any(|member| member.region == region);
    HealthStatus::failing(if !is_known && region != agent.config().region {
        "No path to region"
    } else if is_stale {
        "no leader"
    } else {
        "No cluster leader"
    })
}
