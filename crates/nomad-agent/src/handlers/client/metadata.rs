//! `/v1/client/metadata`

use std::sync::Arc;

use http::{Response, StatusCode, Uri};
use nomad_wire::{Call, Query, client::MetadataUpdate};

use super::{local_node, run_blocking};
use crate::{
    agent::{Agent, HandlerRequest},
    body::Body,
    error::AgentError,
    handlers::target::ErrorStyle,
    request_body::{RequestBody, read_body},
    response,
};

/// The metadata of this node.
pub(crate) fn show(agent: &Agent, call: &Call, uri: &Uri) -> Result<Response<Body>, AgentError> {
    let query = Query::from_uri(uri);
    call.common.clone()?;
    let client = local_node(agent, query.non_empty("node_id").as_deref(), ErrorStyle::Node)?;
    response::json(&client.metadata.current(), &query)
}

/// Changes the metadata. The node in the query takes precedence over the one in the body.
pub(crate) async fn update<B: RequestBody>(
    agent: &Agent,
    call: &Call,
    request: HandlerRequest<B>,
) -> Result<Response<Body>, AgentError> {
    let query = Query::from_uri(&request.uri);
    call.common.clone()?;
    let update = MetadataUpdate::parse(&read_body(request.body).await?)
        .map_err(|error| AgentError::with_status(StatusCode::BAD_REQUEST, error.to_string()))?;
    let named = query.non_empty("node_id").map(String::from).unwrap_or(update.node_id);
    let node_id = Some(named.as_str()).filter(|named| !named.is_empty());
    let client = local_node(agent, node_id, ErrorStyle::Node)?;
    let metadata = Arc::clone(&client.metadata);
    let changed = run_blocking(move || metadata.update(update.meta)).await?;
    let shown = changed.map_err(|error| {
        AgentError::internal(format!("failed to persist dynamic node metadata: {error}"))
    })?;
    response::json(&shown, &query)
}
