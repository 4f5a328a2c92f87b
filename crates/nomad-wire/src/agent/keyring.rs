//! `/v1/agent/keyring/*`.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize, Serializer};

use crate::json::{ObjectWriter, UnknownFields, null_is_default};

/// The gossip keys of a cluster: the answer of every `/v1/agent/keyring/` operation.
///
/// The names in [`keys`](Self::keys) are the keys themselves, so `Debug` only counts them.
#[derive(Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Keyring {
    /// How many members have each key; the name is the key in base64.
    #[serde(deserialize_with = "null_is_default")]
    pub keys: BTreeMap<String, i64>,
    /// What single members had to say, by their name.
    #[serde(deserialize_with = "null_is_default")]
    pub messages: BTreeMap<String, String>,
    /// Members of the cluster.
    pub num_nodes: i64,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for Keyring {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("Keys", &self.keys)?;
        keys.write("Messages", &self.messages)?;
        keys.write("NumNodes", &self.num_nodes)?;
        keys.end()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("keys", &self.keys.len())
            .field("messages", &self.messages)
            .field("num_nodes", &self.num_nodes)
            .field("other", &self.other)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_key() {
        let wire = r#"{"Keys":{"c2VjcmV0":3},"Messages":{},"NumNodes":3}"#;
        let keyring: Keyring = serde_json::from_str(wire).unwrap();
        assert!(!format!("{keyring:?}").contains("c2VjcmV0"));
    }
}
