//! Issues signed identities to nodes.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use nomad_wire::{NodeId, SecretId};
use thiserror::Error;

use super::{IdentityRequest, Signer, claims};

/// Node limit, above any known Nomad cluster's size; it bounds the memory that invented nodes can take.
const MAX_NODES: usize = 16_384;

/// Signs the identities of nodes. The first client that presents a node's id is that node until the issuer ends;
/// others are refused.
#[derive(Debug)]
pub(crate) struct Issuer {
    signer: Signer,
    region: String,
    /// The proofs of known nodes.
    proofs: Mutex<BTreeMap<NodeId, SecretId>>,
}

/// Why no identity is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum IssueError {
    /// The node's id is in use with another proof.
    #[error("node secret ID does not match")]
    SecretMismatch,
    /// The node limit is reached.
    #[error("too many nodes")]
    TooManyNodes,
}

impl Issuer {
    /// An issuer that knows no node yet.
    pub(crate) fn new(signer: Signer, region: &str) -> Self {
        Self { signer, region: region.to_owned(), proofs: Mutex::default() }
    }

    /// A signed identity.
    ///
    /// # Errors
    /// [`IssueError`].
    pub(crate) fn issue(
        &self,
        request: &IdentityRequest,
        now: Timestamp,
    ) -> Result<SecretId, IssueError> {
        self.check_proof(request)?;
        Ok(self.signer.sign(&claims::claims_for(request, &self.region, now)))
    }

    fn check_proof(&self, request: &IdentityRequest) -> Result<(), IssueError> {
        // A panic leaves a valid map: an entry is there or it is not.
        let mut proofs = self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        match proofs.get(&request.node_id) {
            Some(proof) if *proof != request.proof => return Err(IssueError::SecretMismatch),
            Some(_) => {}
            None if proofs.len() >= MAX_NODES => return Err(IssueError::TooManyNodes),
            None => drop(proofs.insert(request.node_id, request.proof.clone())),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{generate, generate_secret};

    #[test]
    fn a_node_is_whoever_came_first_with_its_id() {
        let issuer = Issuer::new(Signer::load_or_create(None).unwrap(), "global");
        let (node, now) = (generate(), Timestamp::UNIX_EPOCH);
        let request = |secret: &SecretId| IdentityRequest::new(node, "dc1", secret).unwrap();
        let (own, other) = (generate_secret(), generate_secret());
        let first = issuer.issue(&request(&own), now).unwrap();
        assert_eq!(issuer.issue(&request(&other), now), Err(IssueError::SecretMismatch));
        assert_ne!(issuer.issue(&request(&own), now).unwrap(), first, "each has an id of its own");
    }

    #[test]
    fn an_identity_says_what_nomads_says() {
        let issuer = Issuer::new(Signer::load_or_create(None).unwrap(), "eu");
        let node: NodeId = generate();
        let request = IdentityRequest::new(node, "dc7", &generate_secret()).unwrap();
        let now = Timestamp::from_second(1_795_315_680).unwrap();
        let token = issuer.issue(&request, now).unwrap();
        let carried = claims::decode_claims(&token).unwrap();
        let mut shown = claims::display_claims(&carried);
        let id = shown.remove("jti").unwrap();
        assert_eq!(id.as_str().unwrap().len(), 36);
        let expected = format!(
            r#"{{"aud":"nomadproject.io","exp":1795402080.0,"iat":1795315680.0,"nbf":1795315680.0,"nomad_node_datacenter":"dc7","nomad_node_id":"{node}","nomad_node_pool":"default","sub":"node:eu:default:{node}:default"}}"#
        );
        assert_eq!(serde_json::to_string(&shown).unwrap(), expected);
        assert!(claims::match_request(&carried, &request));
        let moved = IdentityRequest { datacenter: "dc8".to_owned(), ..request };
        assert!(!claims::match_request(&carried, &moved));
        // Of 24 hours, a third must be left.
        for (hours, expiring) in [(0, false), (15, false), (17, true), (25, true)] {
            let then = now + jiff::SignedDuration::from_hours(hours);
            assert_eq!(claims::are_expiring(&carried, then), expiring, "after {hours} hours");
        }
        assert_eq!(claims::decode_claims(&SecretId::new("a.b")), None);
    }
}
