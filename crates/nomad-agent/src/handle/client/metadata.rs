//! `/v1/client/metadata`

use std::sync::Arc;

use http::{Response, StatusCode, Uri};
use nomad_wire::{Call, Query, client::MetadataUpdate};

use super::{off_loop, own_node};
use crate::{
    agent::{Agent, Asked},
    body::Body,
    error::AgentError,
    handle::target::Wording,
    received::{RequestBody, received},
    reply,
};

/// The metadata of this node.
pub(crate) fn show(agent: &Agent, call: &Call, uri: &Uri) -> Result<Response<Body>, AgentError> {
    let query = Query::of(uri);
    call.common.clone()?;
    let client = own_node(agent, query.filled("node_id").as_deref(), Wording::Node)?;
    reply::json(&client.metadata.shown(), &query)
}

/// Changes it. The node that the query names comes before the one in the body.
pub(crate) async fn change<B: RequestBody>(
    agent: &Agent,
    call: &Call,
    asked: Asked<B>,
) -> Result<Response<Body>, AgentError> {
    let query = Query::of(&asked.uri);
    call.common.clone()?;
    let update = MetadataUpdate::parse(&received(asked.body).await?)
        .map_err(|error| AgentError::said(StatusCode::BAD_REQUEST, error.to_string()))?;
    let named = query.filled("node_id").map(String::from).unwrap_or(update.node_id);
    let node_id = Some(named.as_str()).filter(|named| !named.is_empty());
    let client = own_node(agent, node_id, Wording::Node)?;
    let metadata = Arc::clone(&client.metadata);
    let changed = off_loop(move || metadata.change(update.meta)).await?;
    let shown = changed.map_err(|error| {
        AgentError::failed(format!("failed to persist dynamic node metadata: {error}"))
    })?;
    reply::json(&shown, &query)
}
