//! `/v1/client/identity` and `identity/renew`.
//!
//! A node's identity is a JWT that the servers sign. This agent registers with no servers, so it has none, and says it
//! as a Nomad agent does that has not got its first one yet. A renewal would be a promise that nobody keeps, so it is
//! refused in the same words.

use http::{Response, StatusCode, Uri};
use nomad_wire::{Query, client::RenewalRequest, query::Common};

use super::own_node;
use crate::{
    agent::{Agent, Asked},
    body::Body,
    error::{AgentError, WrongRole},
    handle::target::Wording,
    received::{RequestBody, received},
};

/// The claims of this node's identity: there is none.
pub(crate) fn show(agent: &Agent, uri: &Uri) -> Result<Response<Body>, AgentError> {
    let query = Query::of(uri);
    Common::parse(&query)?;
    none_of(agent, query.filled("node_id").as_deref())
}

/// Asks for a new one: there is nobody to ask. The node that the body names comes before the one in the query.
pub(crate) async fn renew<B: RequestBody>(
    agent: &Agent,
    asked: Asked<B>,
) -> Result<Response<Body>, AgentError> {
    let query = Query::of(&asked.uri);
    Common::parse(&query)?;
    let request = RenewalRequest::parse(&received(asked.body).await?)
        .map_err(|error| AgentError::said(StatusCode::BAD_REQUEST, error.to_string()))?;
    let named = Some(request.node_id).filter(|named| !named.is_empty());
    let named = named.or_else(|| query.filled("node_id").map(String::from));
    none_of(agent, named.as_deref())
}

fn none_of(agent: &Agent, node_id: Option<&str>) -> Result<Response<Body>, AgentError> {
    match own_node(agent, node_id, Wording::Node) {
        Ok(_) => Err(AgentError::failed("node does not have a JWT identity token")),
        // The identity calls spell it with a small letter.
        Err(AgentError::WrongRole(WrongRole::NoLocalNode)) => {
            Err(AgentError::said(StatusCode::BAD_REQUEST, "no local Node and node_id not provided"))
        }
        Err(error) => Err(error),
    }
}
