//! `/v1/client/stats`

use http::{Response, Uri};
use nomad_wire::{Query, query::Common};

use crate::{
    agent::Agent,
    body::Body,
    error::{AgentError, WrongRole},
    handle::target::{self, Wording},
    reply,
};

/// The last figures of the host of this node.
pub(crate) async fn stats(agent: &Agent, uri: &Uri) -> Result<Response<Body>, AgentError> {
    let query = Query::of(uri);
    Common::parse(&query)?;
    let node_id = query.filled("node_id");
    let client = agent.client().filter(|client| {
        node_id.as_ref().is_none_or(|node_id| client.id.as_str() == node_id.as_ref())
    });
    match (client, node_id) {
        (Some(client), _) => reply::json(&client.sampler.latest().await, &query),
        (None, Some(node_id)) => Err(target::unknown_node(&node_id, Wording::Stats)),
        (None, None) => Err(AgentError::WrongRole(WrongRole::NoLocalNode)),
    }
}
