//! `/v1/agent/keyring/*`

use http::{Response, StatusCode};
use nomad_wire::{KeyringRoute, Query};
use serde_json::Value;

use crate::{
    agent::{Agent, HandlerRequest},
    body::Body,
    error::AgentError,
    membership::{GossipKey, KeyError, KeyringRequest, MembershipError},
    request_body::{RequestBody, read_body},
    response,
};

/// Shows or changes the gossip keys at every server. Any method is accepted, as with Nomad.
pub(crate) async fn keyring<B: RequestBody>(
    agent: &Agent,
    call: KeyringRoute,
    received: HandlerRequest<B>,
) -> Result<Response<Body>, AgentError> {
    let HandlerRequest { uri, body, .. } = received;
    let request = match call {
        KeyringRoute::List => KeyringRequest::List,
        KeyringRoute::Install => KeyringRequest::Install(parse_key(agent, body).await?),
        KeyringRoute::Use => KeyringRequest::Use(parse_key(agent, body).await?),
        KeyringRoute::Remove => KeyringRequest::Remove(parse_key(agent, body).await?),
    };
    let answer = agent.membership().keyring(request).await;
    let answer = answer.map_err(|error| AgentError::internal(error.to_string()))?;
    response::json(&answer, &Query::from_uri(&uri))
}

/// The key of a body `{"Key":"<base64>"}`. Errors do not quote the body.
async fn parse_key<B: RequestBody>(agent: &Agent, body: B) -> Result<GossipKey, AgentError> {
    let body = read_body(body).await?;
    if body.is_empty() {
        return Err(bad_request("Request body is empty"));
    }
    // What follows the first value is ignored, as in Go.
    let first = serde_json::Deserializer::from_slice(&body).into_iter::<Value>().next();
    let broken = |error: serde_json::Error| {
        bad_request(format!("invalid JSON at column {}", error.column()))
    };
    let fields = match first.transpose().map_err(broken)? {
        Some(Value::Object(fields)) => fields,
        // Go takes `null` for an object without keys.
        Some(Value::Null) => serde_json::Map::new(),
        _ => return Err(bad_request("the body must be a JSON object")),
    };
    let written = fields.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case("key"));
    let text = match written.map(|(_, value)| value) {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text,
        Some(_) => return Err(bad_request("Key must be a string")),
    };
    text.parse().map_err(|error| {
        let error = match error {
            KeyError::Base64(at) => MembershipError::MalformedKey(at),
            // Nomad sends a key of a wrong length to the servers, and each of them refuses it.
            KeyError::Length(_) => {
                let members = agent.membership().members();
                let alive = members.iter().filter(|member| member.is_alive()).count();
                MembershipError::NodesFailed { failed: alive, nodes: alive }
            }
        };
        AgentError::internal(error.to_string())
    })
}

fn bad_request(text: impl Into<String>) -> AgentError {
    AgentError::with_status(StatusCode::BAD_REQUEST, text)
}
