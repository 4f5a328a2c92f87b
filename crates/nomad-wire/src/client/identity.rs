//! `GET /v1/client/identity` and `PUT /v1/client/identity/renew`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::json::{DecodeError, Object, ObjectWriter, UnknownFields, null_is_default};

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
    pub other: UnknownFields,
}

impl NodeIdentity {
    /// The node the identity belongs to.
    #[must_use]
    pub fn node_id(&self) -> Option<&str> {
        self.claims.get("nomad_node_id")?.as_str()
    }

    /// When the identity ends, in seconds since 1970.
    #[must_use]
    pub fn expiration(&self) -> Option<i64> {
        self.claims.get("exp")?.as_i64()
    }
}

impl Serialize for NodeIdentity {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::declared(to, &self.other)?;
        keys.write("Claims", &self.claims)?;
        keys.end()
    }
}

/// That a new identity will be asked for: the answer of `PUT /v1/client/identity/renew`, `{}`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Renewal {
    /// Keys this crate does not know: all of them.
    pub other: UnknownFields,
}

/// The body of `PUT /v1/client/identity/renew`, which may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "callers build it to ask")]
pub struct RenewalRequest {
    /// The node; a body that has one wins over the query.
    pub node_id: String,
}

impl RenewalRequest {
    /// Reads the body of a request. An empty one is the default.
    ///
    /// # Errors
    /// [`DecodeError`], which Nomad answers with 400.
    pub fn parse(body: &[u8]) -> Result<Self, DecodeError> {
        match Object::parse(body, "NodeIdentityRenewReq") {
            Err(DecodeError::Eof) => Ok(Self::default()),
            object => Ok(Self { node_id: object?.string("NodeID")? }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renewal_may_name_a_node() {
        assert_eq!(RenewalRequest::parse(b"").unwrap().node_id, "");
        assert_eq!(RenewalRequest::parse(br#"{"nodeid":"x"}"#).unwrap().node_id, "x");
        assert!(RenewalRequest::parse(b"{").is_err());
    }
}
