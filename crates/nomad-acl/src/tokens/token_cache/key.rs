//! The key of a cached token.

use std::hash::{Hash, Hasher};

use nomad_wire::SecretId;

/// The length of a secret id as Nomad makes them: a UUID as text.
const UUID_LEN: usize = 36;

/// A token as a key. A secret id lies inside the table itself, where comparing it follows no pointer;
/// only a workload's JWT is kept elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum TokenKey {
    Anonymous,
    Short([u8; UUID_LEN]),
    Long(SecretId),
}

impl TokenKey {
    pub(super) fn from_token(token: Option<&SecretId>) -> Self {
        match token {
            None => Self::Anonymous,
            Some(secret) => secret
                .expose()
                .as_bytes()
                .try_into()
                .map_or_else(|_| Self::Long(secret.clone()), Self::Short),
        }
    }
}

impl Hash for TokenKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Anonymous => state.write_u8(0),
            Self::Short(bytes) => state.write(bytes),
            Self::Long(secret) => secret.hash(state),
        }
    }
}
