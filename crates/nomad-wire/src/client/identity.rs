//! `GET /v1/client/identity` and `PUT /v1/client/identity/renew`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::json::{Keys, Unknown, null_is_default};

/// The claims of a node's identity: the answer of `GET /v1/client/identity`.
///
/// The signed token itself is not among them.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeIdentity {
    /// `aud`, `exp`, `iat`, `jti`, `nbf`, `sub` and the node's own, `nomad_node_id`,
    /// `nomad_node_pool`, `nomad_node_datacenter` and, if it has one, `nomad_node_class`.
    #[serde(deserialize_with = "null_is_default")]
    pub claims: BTreeMap<String, Value>,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: Unknown,
}

impl NodeIdentity {
    /// The node the identity belongs to.
    #[must_use]
    pub fn node_id(&self) -> Option<&str> {
        self.claims.get("nomad_node_id")?.as_str()
    }

    /// When the identity ends, in seconds since 1970.
    #[must_use]
    pub fn expires(&self) -> Option<i64> {
        self.claims.get("exp")?.as_i64()
    }
}

impl Serialize for NodeIdentity {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = Keys::declared(to, &self.other)?;
        keys.put("Claims", &self.claims)?;
        keys.end()
    }
}

/// That a new identity will be asked for: the answer of `PUT /v1/client/identity/renew`, `{}`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Renewal {
    /// Keys this crate does not know: all of them.
    pub other: Unknown,
}
