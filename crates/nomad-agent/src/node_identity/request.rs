//! A node's request for an identity.

use std::fmt;

use nomad_wire::{NodeId, SecretId};
use serde::{Deserialize, Serialize};

use crate::keyed_hash;

/// A node's proof is the hash of this text under its secret: a server that knows the proof cannot fetch the node's
/// data with it.
const PROOF_TEXT: &str = "node identity";

/// The default node pool.
const DEFAULT_POOL: &str = "default";

/// What a node sends to a server to have its identity signed.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdentityRequest {
    /// The node.
    pub node_id: NodeId,
    /// Its pool.
    pub node_pool: String,
    /// Its datacenter.
    pub datacenter: String,
    /// The proof by which a server recognizes the node.
    pub(super) proof: SecretId,
}

/// Its JSON form.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireRequest {
    #[serde(rename = "NodeID")]
    node_id: String,
    node_pool: String,
    datacenter: String,
    proof: String,
}

impl IdentityRequest {
    /// The request of a node in the default pool. `None` when its secret is longer than any that is generated.
    pub(crate) fn new(node_id: NodeId, datacenter: &str, secret: &SecretId) -> Option<Self> {
        Some(Self {
            node_id,
            node_pool: DEFAULT_POOL.to_owned(),
            datacenter: datacenter.to_owned(),
            proof: keyed_hash::hash(secret, PROOF_TEXT)?,
        })
    }

    pub(crate) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&WireRequest {
            node_id: self.node_id.to_string(),
            node_pool: self.node_pool.clone(),
            datacenter: self.datacenter.clone(),
            proof: self.proof.expose().to_owned(),
        })
    }

    /// Parses the output of [`to_json`](Self::to_json); `None` for anything else.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let WireRequest { node_id, node_pool, datacenter, proof } =
            serde_json::from_slice(body).ok()?;
        let node_id = node_id.parse().ok()?;
        Some(Self { node_id, node_pool, datacenter, proof: SecretId::new(proof) })
    }
}

impl fmt::Debug for IdentityRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityRequest").field("node_id", &self.node_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{generate, generate_secret};

    #[test]
    fn it_arrives_as_it_was_sent_and_prints_nothing_secret() {
        let secret = generate_secret();
        let request = IdentityRequest::new(generate(), "dc1", &secret).unwrap();
        let json = request.to_json().unwrap();
        assert_eq!(IdentityRequest::parse(&json), Some(request.clone()));
        assert!(!String::from_utf8(json).unwrap().contains(secret.expose()));
        assert!(!format!("{request:?}").contains(request.proof.expose()));
        assert_eq!(IdentityRequest::parse(b"{}"), None);
    }
}
