//! `/v1/client/gc`

use http::{Response, Uri};
use nomad_wire::{Call, Query};

use super::local_node;
use crate::{agent::Agent, body::Body, error::AgentError, handlers::target::ErrorStyle, response};

/// Collects every terminal allocation of this node, and responds when they are removed.
pub(crate) async fn gc(
    agent: &Agent,
    call: &Call,
    uri: &Uri,
) -> Result<Response<Body>, AgentError> {
    let query = Query::from_uri(uri);
    call.common.clone()?;
    let client = local_node(agent, query.non_empty("node_id").as_deref(), ErrorStyle::Node)?;
    client.allocations.collect_all().await;
    Ok(response::ok())
}
