//! `/v1/agent/keyring/*`

use http::{Response, StatusCode};
use nomad_wire::{KeyringCall, Query};
use serde_json::Value;

use crate::{
    agent::{Agent, Asked},
    body::Body,
    error::AgentError,
    membership::{GossipKey, KeyError, KeyringRequest, MembershipError},
    received::{RequestBody, received},
    reply,
};

/// Shows or changes the keys of the gossip, at every server. Any method will do, as with Nomad.
pub(crate) async fn keyring<B: RequestBody>(
    agent: &Agent,
    call: KeyringCall,
    asked: Asked<B>,
) -> Result<Response<Body>, AgentError> {
    let Asked { uri, body, .. } = asked;
    let request = match call {
        KeyringCall::List => KeyringRequest::List,
        KeyringCall::Install => KeyringRequest::Install(key(agent, body).await?),
        KeyringCall::Use => KeyringRequest::Use(key(agent, body).await?),
        KeyringCall::Remove => KeyringRequest::Remove(key(agent, body).await?),
    };
    let answer = agent.membership().keyring(request).await;
    let answer = answer.map_err(|error| AgentError::failed(error.to_string()))?;
    reply::json(&answer, &Query::of(&uri))
}

/// The key of a body `{"Key":"<base64>"}`. What is wrong is said without the text of the body.
async fn key<B: RequestBody>(agent: &Agent, body: B) -> Result<GossipKey, AgentError> {
    let body = received(body).await?;
    if body.is_empty() {
        return Err(bad("Request body is empty"));
    }
    // What follows the first value is not looked at, as in Go.
    let first = serde_json::Deserializer::from_slice(&body).into_iter::<Value>().next();
    let broken =
        |error: serde_json::Error| bad(format!("invalid JSON at column {}", error.column()));
    let fields = match first.transpose().map_err(broken)? {
        Some(Value::Object(fields)) => fields,
        // Go takes it for an object without any key.
        Some(Value::Null) => serde_json::Map::new(),
        _ => return Err(bad("the body must be a JSON object")),
    };
    let written = fields.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case("key"));
    let text = match written.map(|(_, value)| value) {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text,
        Some(_) => return Err(bad("Key must be a string")),
    };
    text.parse().map_err(|error| {
        let error = match error {
            KeyError::Base64(at) => MembershipError::KeyText(at),
            // Nomad hands a key of a wrong length to the servers, and each of them refuses it.
            KeyError::Length(_) => {
                let members = agent.membership().members();
                let alive = members.iter().filter(|member| member.is_alive()).count();
                MembershipError::NodesFailed { failed: alive, nodes: alive }
            }
        };
        AgentError::failed(error.to_string())
    })
}

fn bad(text: impl Into<String>) -> AgentError {
    AgentError::said(StatusCode::BAD_REQUEST, text)
}
