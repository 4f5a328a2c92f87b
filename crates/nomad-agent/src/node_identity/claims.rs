//! The claims of a node's identity.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use nomad_wire::SecretId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::IdentityRequest;

/// The audience of identities: Nomad's default.
const AUDIENCE: &str = "nomadproject.io";

/// Lifetime of an identity: the default of a node pool in Nomad.
pub(super) const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// The claims signed for a node.
pub(super) fn claims_for(request: &IdentityRequest, region: &str, now: Timestamp) -> Value {
    let IdentityRequest { node_id, node_pool, datacenter, .. } = request;
    let issued = now.as_second();
    json!({
        "aud": AUDIENCE,
        "exp": issued + LIFETIME.as_secs(),
        "iat": issued,
        "jti": Uuid::new_v4().to_string(),
        "nbf": issued,
        "sub": format!("node:{region}:{node_pool}:{node_id}:default"),
        "nomad_node_datacenter": datacenter,
        "nomad_node_id": node_id.to_string(),
        "nomad_node_pool": node_pool,
    })
}

/// The claims in a token, unverified; `None` if it is invalid.
pub(super) fn decode_claims(token: &SecretId) -> Option<BTreeMap<String, Value>> {
    let mut parts = token.expose().split('.');
    let (_, payload, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// The claims as Nomad shows them: it reads numbers as floating-point ones, so `1795402080.0`.
pub(super) fn display_claims(claims: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let show = |value: &Value| value.as_i64().map_or_else(|| value.clone(), |n| json!(n as f64));
    claims.iter().map(|(name, value)| (name.clone(), show(value))).collect()
}

/// Whether the claims are what this node would get now, apart from the times.
pub(super) fn match_request(claims: &BTreeMap<String, Value>, request: &IdentityRequest) -> bool {
    let says = |name: &str, text: &str| claims.get(name).and_then(Value::as_str) == Some(text);
    says("nomad_node_id", request.node_id.as_str())
        && says("nomad_node_pool", &request.node_pool)
        && says("nomad_node_datacenter", &request.datacenter)
}

/// Whether they should be renewed: less than a third of their lifetime is left, as in Nomad.
pub(super) fn are_expiring(claims: &BTreeMap<String, Value>, now: Timestamp) -> bool {
    let end = claims.get("exp").and_then(Value::as_i64);
    end.is_none_or(|end| end < now.as_second() + LIFETIME.as_secs() / 3)
}
