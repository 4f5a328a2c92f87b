//! `GET /v1/agent/servers`

use http::Response;
use nomad_wire::{Query, agent::Servers};

use crate::{agent::Agent, body::Body, error::AgentError, reply};

/// The RPC addresses of the servers that this client knows, sorted as text.
pub(crate) fn servers(agent: &Agent, query: &Query<'_>) -> Result<Response<Body>, AgentError> {
    reply::json(&Servers::sorted(agent.servers()), query)
}
