//! The keys that gossip is encrypted with.

use std::{fmt, io, path::Path, str::FromStr};

use base64::{DecodeError, Engine as _, prelude::BASE64_STANDARD};
use nomad_wire::agent;
use serf::types::SecretKey;
use thiserror::Error;

use super::{GossipError, GossipOptions, TokioSerf};
use crate::membership::{KeyringRequest, MembershipError};

/// A key of 16, 24 or 32 bytes, for AES-128, AES-192 or AES-256. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct GossipKey(SecretKey);

/// Why a text is not a key. The text itself is never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not base64.
    #[error("not base64: error at byte {0}")]
    Base64(usize),
    /// It has another length.
    #[error("a key has 16, 24 or 32 bytes, this one has {0}")]
    Length(usize),
}

impl FromStr for GossipKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|error| {
            KeyError::Base64(match error {
                DecodeError::InvalidByte(at, _)
                | DecodeError::InvalidLastSymbol { offset: at, .. } => at,
                _ => text.len(),
            })
        })?;
        let key = SecretKey::try_from(bytes.as_slice());
        key.map(Self).map_err(|_| KeyError::Length(bytes.len()))
    }
}

impl GossipKey {
    pub(super) const fn secret(&self) -> SecretKey {
        self.0
    }
}

impl fmt::Debug for GossipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GossipKey(..)")
    }
}

/// The initial keys, the one to encrypt with first: those in the file, otherwise the configured one.
pub(super) fn load_keys(options: &GossipOptions) -> Result<Vec<GossipKey>, GossipError> {
    let configured = || options.key.iter().cloned().collect();
    let Some(path) = &options.keyring else { return Ok(configured()) };
    match read_keyring(path) {
        Ok(Some(keys)) => Ok(keys),
        Ok(None) => Ok(configured()),
        Err(reason) => {
            Err(GossipError::Keyring { path: path.clone(), reason: reason.to_string().into() })
        }
    }
}

/// The file is what the gossip library writes: a JSON list of keys.
fn read_keyring(path: &Path) -> io::Result<Option<Vec<GossipKey>>> {
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let written: Vec<String> = serde_json::from_slice(&text)?;
    let keys: Result<Vec<GossipKey>, KeyError> = written.iter().map(|key| key.parse()).collect();
    let keys = keys.map_err(io::Error::other)?;
    Ok(Some(keys).filter(|keys| !keys.is_empty()))
}

/// Sends the operation to all servers, of which `alive` are alive.
pub(super) async fn execute(
    pool: &TokioSerf,
    request: KeyringRequest,
    alive: usize,
) -> Result<agent::Keyring, MembershipError> {
    let manager = pool.key_manager();
    let response = match request {
        KeyringRequest::List => manager.list_keys().await,
        KeyringRequest::Install(key) => manager.install_key(key.secret(), None).await,
        KeyringRequest::Use(key) => manager.use_key(key.secret(), None).await,
        KeyringRequest::Remove(key) => manager.remove_key(key.secret(), None).await,
    };
    let response = response.map_err(|error| MembershipError::Gossip(error.to_string().into()))?;
    if response.num_err() > 0 {
        return Err(MembershipError::NodesFailed { failed: response.num_err(), nodes: alive });
    }
    if response.num_resp() < alive {
        return Err(MembershipError::NodesSilent { answered: response.num_resp(), nodes: alive });
    }
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let messages =
        response.messages().iter().map(|(node, text)| (node.to_string(), text.to_string()));
    Ok(agent::Keyring {
        messages: messages.collect(),
        num_nodes: count(alive),
        keys: response.keys().iter().map(|(key, nodes)| (key.to_base64(), count(*nodes))).collect(),
        ..agent::Keyring::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_base64_of_the_right_length_and_never_shown() {
        let key: GossipKey = "HS5lJ+XuTlYKWaeGYyG+/A==".parse().unwrap();
        assert_eq!(format!("{key:?}"), "GossipKey(..)");
        assert_eq!("HS5l*".parse::<GossipKey>(), Err(KeyError::Base64(4)));
        assert_eq!("HS5l".parse::<GossipKey>(), Err(KeyError::Length(3)));
    }
}
