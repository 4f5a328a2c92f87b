//! `/v1/client/gc`

use http::{Response, Uri};
use nomad_wire::{Call, Query};

use super::own_node;
use crate::{agent::Agent, body::Body, error::AgentError, handle::target::Wording, reply};

/// Collects every terminal allocation of this node. They are gone when the answer comes.
pub(crate) async fn gc(
    agent: &Agent,
    call: &Call,
    uri: &Uri,
) -> Result<Response<Body>, AgentError> {
    let query = Query::of(uri);
    call.common.clone()?;
    let client = own_node(agent, query.filled("node_id").as_deref(), Wording::Node)?;
    client.allocations.collect_all().await;
    Ok(reply::nothing())
}
