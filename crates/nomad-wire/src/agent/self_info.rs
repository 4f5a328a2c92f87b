//! `GET /v1/agent/self`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::{AgentConfig, Member};
use crate::json::{ObjectWriter, UnknownFields, null_is_default};

/// What an agent says of itself: the answer of `GET /v1/agent/self`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AgentSelf {
    /// The configuration in force.
    #[serde(default, deserialize_with = "null_is_default")]
    pub config: AgentConfig,
    /// The agent as a gossip member; [`Member::none`] on an agent without a server.
    #[serde(default, deserialize_with = "null_is_default")]
    pub member: Member,
    /// Figures by group, all of them text: `runtime` always; `nomad`, `raft` and `serf` on a
    /// server; `client` on a client; `vault` on servers up to 1.9.
    #[serde(default, deserialize_with = "null_is_default")]
    pub stats: BTreeMap<String, BTreeMap<String, String>>,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl AgentSelf {
    /// The same answer with every secret of the configuration replaced; see
    /// [`AgentConfig::redacted`].
    #[must_use]
    pub fn redacted(self) -> Self {
        Self { config: self.config.redacted(), ..self }
    }
}

impl Default for AgentSelf {
    fn default() -> Self {
        Self {
            config: AgentConfig::default(),
            member: Member::none(),
            stats: BTreeMap::new(),
            other: UnknownFields::default(),
        }
    }
}

impl Serialize for AgentSelf {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("config", &self.config)?;
        keys.write("member", &self.member)?;
        keys.write("stats", &self.stats)?;
        keys.end()
    }
}
