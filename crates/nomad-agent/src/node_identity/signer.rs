//! The key that identities are signed with.

use std::{fmt, io, path::Path};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nomad_wire::SecretId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::atomic_file;

/// An Ed25519 key. Nomad signs with one as well (`EdDSA`) when it has no RSA key.
pub(crate) struct Signer {
    key: Ed25519KeyPair,
    /// The key id in tokens; derived from the public half, so that the same key has the same id after a restart.
    id: String,
}

impl Signer {
    /// The key in `file`; if there is no file, a fresh one that is written there for its owner alone. Without a
    /// path it is not persisted. May block.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds no such key.
    pub(crate) fn load_or_create(file: Option<&Path>) -> io::Result<Self> {
        let Some(file) = file else { return generate_key().map(Self::from_key) };
        match std::fs::read(file) {
            Ok(content) => {
                let no_key = |_| io::Error::new(io::ErrorKind::InvalidData, "no Ed25519 key");
                Ed25519KeyPair::from_pkcs8(&content).map_err(no_key).map(Self::from_key)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = generate_key()?;
                let content = key.to_pkcs8().map_err(io::Error::other)?;
                atomic_file::replace(file, content.as_ref())?;
                Ok(Self::from_key(key))
            }
            Err(error) => Err(error),
        }
    }

    fn from_key(key: Ed25519KeyPair) -> Self {
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, key.public_key().as_ref()).to_string();
        Self { key, id }
    }

    /// A signed token: header, claims and signature in URL-safe base64, joined by dots.
    pub(super) fn sign(&self, claims: &Value) -> SecretId {
        let header = json!({ "alg": "EdDSA", "kid": self.id, "typ": "JWT" });
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut token);
        let signature = self.key.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        SecretId::new(token)
    }
}

fn generate_key() -> io::Result<Ed25519KeyPair> {
    Ed25519KeyPair::generate().map_err(io::Error::other)
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_token_is_signed_over_its_header_and_its_claims() {
        let signer = Signer::load_or_create(None).unwrap();
        let token = signer.sign(&json!({ "sub": "node" }));
        let (said, signature) = token.expose().rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let public = UnparsedPublicKey::new(&ED25519, signer.key.public_key());
        public.verify(said.as_bytes(), &signature).unwrap();
        assert!(public.verify(said.replace('.', "x").as_bytes(), &signature).is_err());
        let other = Signer::load_or_create(None).unwrap();
        let public = UnparsedPublicKey::new(&ED25519, other.key.public_key());
        assert!(public.verify(said.as_bytes(), &signature).is_err());
        let header = URL_SAFE_NO_PAD.decode(said.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(header, json!({ "alg": "EdDSA", "kid": signer.id, "typ": "JWT" }));
    }

    #[test]
    fn a_key_is_kept_for_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("server/identity-key");
        let first = Signer::load_or_create(Some(&file)).unwrap();
        assert_eq!(Signer::load_or_create(Some(&file)).unwrap().id, first.id);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&file, "no key").unwrap();
        let refused = Signer::load_or_create(Some(&file)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        assert_eq!(format!("{first:?}"), format!("Signer {{ id: {:?}, .. }}", first.id));
    }
}
