//! `GET /v1/agent/members`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::json::{ObjectWriter, UnknownFields, null_is_default};

/// The servers one server knows through gossip: the answer of `GET /v1/agent/members`.
///
/// A client-only agent passes on the view of one of its servers.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Members {
    /// Every gossip member, failed and left ones included until they are reaped. Never `null`.
    #[serde(deserialize_with = "null_is_default")]
    pub members: Vec<Member>,
    /// Datacenter of the server that answered.
    #[serde(rename = "ServerDC")]
    pub server_dc: String,
    /// Configured name of the server that answered, without its region.
    pub server_name: String,
    /// Region of the server that answered.
    pub server_region: String,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("Members", &self.members)?;
        keys.write("ServerDC", &self.server_dc)?;
        keys.write("ServerName", &self.server_name)?;
        keys.write("ServerRegion", &self.server_region)?;
        keys.end()
    }
}

/// One gossip member, in [`Members`] and in [`AgentSelf`](super::AgentSelf).
///
/// `Default` is what an agent without a server shows as itself, but for the status, which such an
/// agent gives as `none`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Member {
    /// Address as text; `null` on an agent without a server.
    pub addr: Option<String>,
    /// Delegate protocol in use.
    pub delegate_cur: u8,
    /// Newest delegate protocol understood.
    pub delegate_max: u8,
    /// Oldest delegate protocol understood.
    pub delegate_min: u8,
    /// `<node>.<region>`, or empty on an agent without a server.
    pub name: String,
    /// Gossip port.
    pub port: u16,
    /// Gossip protocol in use.
    pub protocol_cur: u8,
    /// Newest gossip protocol understood.
    pub protocol_max: u8,
    /// Oldest gossip protocol understood.
    pub protocol_min: u8,
    /// `none`, `alive`, `leaving`, `left` or `failed`.
    pub status: String,
    /// `role`, `region`, `dc`, `build`, `id`, `rpc_addr`, `port` (of RPC) and more; `null` on an
    /// agent without a server.
    pub tags: Option<BTreeMap<String, String>>,
    /// Keys this crate does not know.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Member {
    /// The `member` of an agent that runs no server: everything zero, status `none`.
    #[must_use]
    pub fn none() -> Self {
        Self { status: "none".to_owned(), ..Self::default() }
    }

    /// One tag, if the member carries it.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags.as_ref()?.get(name).map(String::as_str)
    }
}

impl Serialize for Member {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut keys = ObjectWriter::sorted(to, &self.other)?;
        keys.write("Addr", &self.addr)?;
        keys.write("DelegateCur", &self.delegate_cur)?;
        keys.write("DelegateMax", &self.delegate_max)?;
        keys.write("DelegateMin", &self.delegate_min)?;
        keys.write("Name", &self.name)?;
        keys.write("Port", &self.port)?;
        keys.write("ProtocolCur", &self.protocol_cur)?;
        keys.write("ProtocolMax", &self.protocol_max)?;
        keys.write("ProtocolMin", &self.protocol_min)?;
        keys.write("Status", &self.status)?;
        keys.write("Tags", &self.tags)?;
        keys.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Layout, to_json};

    #[test]
    fn an_agent_without_a_server_shows_a_zero_member() {
        let wire = to_json(&Member::none(), Layout::Compact).unwrap();
        let expected = r#"{"Addr":null,"DelegateCur":0,"DelegateMax":0,"DelegateMin":0,"Name":"","Port":0,"ProtocolCur":0,"ProtocolMax":0,"ProtocolMin":0,"Status":"none","Tags":null}"#;
        assert_eq!(String::from_utf8(wire).unwrap(), expected);
    }

    #[test]
    fn tags_are_found_by_name() {
        let member: Member = serde_json::from_str(r#"{"Tags":{"id":"x"}}"#).unwrap();
        assert_eq!(member.tag("id"), Some("x"));
        assert_eq!(member.tag("dc"), None);
        assert_eq!(Member::none().tag("id"), None);
    }
}
