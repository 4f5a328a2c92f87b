//! `/v1/client/stats`

use http::{Response, Uri};
use nomad_wire::{Call, Query};

use super::local_node;
use crate::{agent::Agent, body::Body, error::AgentError, handlers::target::ErrorStyle, response};

/// The latest statistics of this node's host.
pub(crate) async fn stats(
    agent: &Agent,
    call: &Call,
    uri: &Uri,
) -> Result<Response<Body>, AgentError> {
    let query = Query::from_uri(uri);
    call.common.clone()?;
    let node_id = query.non_empty("node_id");
    let client = local_node(agent, node_id.as_deref(), ErrorStyle::Stats)?;
    response::json(&client.sampler.latest().await, &query)
}
