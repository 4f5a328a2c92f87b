//! `/v1/client/stats`

use http::{Response, Uri};
use nomad_wire::{Call, Query};

use super::own_node;
use crate::{agent::Agent, body::Body, error::AgentError, handle::target::Wording, reply};

/// The last figures of the host of this node.
pub(crate) async fn stats(
    agent: &Agent,
    call: &Call,
    uri: &Uri,
) -> Result<Response<Body>, AgentError> {
    let query = Query::of(uri);
    call.common.clone()?;
    let node_id = query.filled("node_id");
    let client = own_node(agent, node_id.as_deref(), Wording::Stats)?;
    reply::json(&client.sampler.latest().await, &query)
}
