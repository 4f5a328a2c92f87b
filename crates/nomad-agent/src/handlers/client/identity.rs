//! `/v1/client/identity` and `identity/renew`.

use http::{Response, StatusCode, Uri};
use nomad_wire::{
    Call, Query,
    client::{NodeIdentity, Renewal, RenewalRequest},
};

use super::local_node;
use crate::{
    agent::{Agent, ClientPart, HandlerRequest},
    body::Body,
    error::{AgentError, WrongRole},
    handlers::target::ErrorStyle,
    request_body::{RequestBody, read_body},
    response,
};

/// The claims of this node's identity. While no server has signed one there are none, and Nomad's text for that is
/// sent.
pub(crate) fn show(agent: &Agent, call: &Call, uri: &Uri) -> Result<Response<Body>, AgentError> {
    let query = Query::from_uri(uri);
    call.common.clone()?;
    let client = node(agent, query.non_empty("node_id").as_deref())?;
    let none = || AgentError::internal("node does not have a JWT identity token");
    let claims = client.identity.claims().ok_or_else(none)?;
    response::json(&NodeIdentity { claims, ..NodeIdentity::default() }, &query)
}

/// Requests a new identity, which arrives a moment later. The node in the body takes precedence over the one in the
/// query.
pub(crate) async fn renew<B: RequestBody>(
    agent: &Agent,
    call: &Call,
    received: HandlerRequest<B>,
) -> Result<Response<Body>, AgentError> {
    let query = Query::from_uri(&received.uri);
    call.common.clone()?;
    let request = RenewalRequest::parse(&read_body(received.body).await?)
        .map_err(|error| AgentError::with_status(StatusCode::BAD_REQUEST, error.to_string()))?;
    let named = Some(request.node_id).filter(|named| !named.is_empty());
    let named = named.or_else(|| query.non_empty("node_id").map(String::from));
    node(agent, named.as_deref())?.identity.renew();
    response::json(&Renewal::default(), &query)
}

/// The named node; the identity calls spell the error for a missing one in lower case.
fn node<'a>(agent: &'a Agent, node_id: Option<&str>) -> Result<&'a ClientPart, AgentError> {
    local_node(agent, node_id, ErrorStyle::Node).map_err(|error| match error {
        AgentError::WrongRole(WrongRole::NoLocalNode) => AgentError::with_status(
            StatusCode::BAD_REQUEST,
            "no local Node and node_id not provided",
        ),
        error => error,
    })
}
