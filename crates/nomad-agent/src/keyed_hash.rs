//! A keyed hash: a text that only a holder of the secret can compute.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use blake2::{
    Blake2bMac512,
    digest::{FixedOutput as _, KeyInit as _, Update as _},
};
use nomad_wire::SecretId;

/// The keyed BLAKE2b-512 hash of a text under a secret, in URL-safe base64 with padding. Nomad computes the token
/// with which a client fetches the data of an allocation from another in this way: the text is the allocation's id,
/// the secret that of the node it ran on. `None` for a secret that is too long for a key (above 64 bytes).
pub(crate) fn hash(secret: &SecretId, text: &str) -> Option<SecretId> {
    let mut hash = Blake2bMac512::new_from_slice(secret.expose().as_bytes()).ok()?;
    hash.update(text.as_bytes());
    Some(SecretId::new(URL_SAFE.encode(hash.finalize_fixed())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";
    const NODE: &str = "3721d099-7634-c305-7866-0a5e5e029ead";

    fn token(secret: &str, text: &str) -> SecretId {
        hash(&SecretId::new(secret), text).unwrap()
    }

    /// The token that Nomad 2.0.5 makes of these two, computed by Go's `blake2b.New512` and `base64.URLEncoding`.
    #[test]
    fn it_is_the_migrate_token_of_nomad() {
        let expected = concat!(
            "3c5FWuDoFQGmLbf4gbm0s1KucZaEDgnVkV8d3jFNZzt8yHRsoA4eswFD",
            "KI2z9RiIvsLq4sqYK5AcLwVFz3qF4w==",
        );
        assert_eq!(token(NODE, ALLOC).expose(), expected);
    }

    #[test]
    fn it_is_bound_to_the_text_and_the_secret() {
        assert_ne!(token(NODE, ALLOC), token(ALLOC, ALLOC));
        assert_ne!(token(NODE, ALLOC), token(NODE, NODE));
        assert!(hash(&SecretId::new("x".repeat(65)), ALLOC).is_none());
    }
}
