//! `/v1/agent/servers`

use http::{Response, StatusCode, Uri};
use nomad_wire::{Query, agent::Servers, query::SetServersQuery};

use crate::{agent::Agent, body::Body, error::AgentError, response};

/// The RPC addresses of the servers that this client knows, sorted as text.
pub(crate) fn servers(agent: &Agent, query: &Query<'_>) -> Result<Response<Body>, AgentError> {
    response::json(&Servers::sorted(agent.servers()), query)
}

/// Replaces the list by those addresses at which a server responds; if none does, nothing changes.
pub(crate) async fn set_servers(agent: &Agent, uri: &Uri) -> Result<Response<Body>, AgentError> {
    let query = Query::from_uri(uri);
    let addresses = SetServersQuery::parse(&query)?.addresses.into_iter().map(Into::into);
    let chosen = agent.membership().server_list().choose(addresses.collect()).await;
    chosen.map_err(|error| AgentError::with_status(StatusCode::BAD_REQUEST, error.to_string()))?;
    Ok(response::empty())
}
