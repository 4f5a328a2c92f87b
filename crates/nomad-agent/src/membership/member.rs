//! One server, as in gossip and as the API shows it.

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use nomad_wire::{ServerId, agent};

use crate::config::{AgentConfig, NOMAD_VERSION, VERSION_METADATA};

/// The role of Nomad's servers in gossip.
const ROLE: &str = "nomad";

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// Name of the node, without region.
    pub name: String,
    /// Region.
    pub region: String,
    /// Datacenter.
    pub datacenter: String,
    /// The id of the server.
    pub id: ServerId,
    /// Its gossip address.
    pub serf: SocketAddr,
    /// Its RPC address, where it serves its peers.
    pub rpc: SocketAddr,
    /// The address of its HTTP API, if it advertises one: the tag `http_addr`, which Nomad does not have.
    pub http: Option<SocketAddr>,
    /// Its status.
    pub status: MemberStatus,
}

/// The status of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemberStatus {
    /// It responds.
    Alive,
    /// It is about to leave.
    Leaving,
    /// It left, or was marked as left.
    Left,
    /// It stopped responding.
    Failed,
}

impl Member {
    /// The member that an agent with this configuration is.
    #[must_use]
    pub fn from_config(config: &AgentConfig, id: ServerId) -> Self {
        Self {
            name: config.name.clone(),
            region: config.region.clone(),
            datacenter: config.datacenter.clone(),
            id,
            serf: config.serf,
            rpc: config.rpc,
            http: Some(config.http),
            status: MemberStatus::Alive,
        }
    }

    /// The full name: `name.region`.
    #[must_use]
    pub fn serf_name(&self) -> String {
        format!("{}.{}", self.name, self.region)
    }

    /// Whether it is alive.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.status == MemberStatus::Alive
    }

    /// The tags it advertises: Nomad's, and the address of its HTTP API.
    pub(crate) fn tags(&self) -> BTreeMap<String, String> {
        let tags = [
            ("role", ROLE.to_owned()),
            ("region", self.region.clone()),
            ("dc", self.datacenter.clone()),
            ("build", format!("{NOMAD_VERSION}+{VERSION_METADATA}")),
            ("revision", String::new()),
            ("vsn", "1".to_owned()),
            ("raft_vsn", "3".to_owned()),
            ("id", self.id.to_string()),
            ("rpc_addr", self.rpc.ip().to_string()),
            ("port", self.rpc.port().to_string()),
        ];
        let http = self.http.map(|http| ("http_addr", http.to_string()));
        tags.into_iter().chain(http).map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// The member that these tags describe; `None` if they are not those of a server.
    pub(crate) fn from_tags<'a>(
        serf_name: &str,
        serf: SocketAddr,
        status: MemberStatus,
        tag: impl Fn(&str) -> Option<&'a str>,
    ) -> Option<Self> {
        let region = tag("region").filter(|_| tag("role") == Some(ROLE))?;
        let name = serf_name.strip_suffix(region)?.strip_suffix('.')?;
        let rpc = SocketAddr::new(tag("rpc_addr")?.parse().ok()?, tag("port")?.parse().ok()?);
        Some(Self {
            name: name.to_owned(),
            region: region.to_owned(),
            datacenter: tag("dc").unwrap_or_default().to_owned(),
            id: tag("id")?.parse().ok()?,
            serf,
            rpc,
            http: tag("http_addr").and_then(|address| address.parse().ok()),
            status,
        })
    }

    /// The member as the API shows it.
    ///
    /// The protocol numbers are those of the gossip library that Nomad 1.0 to 2.0 uses.
    #[must_use]
    pub fn to_wire(&self) -> agent::Member {
        agent::Member {
            addr: Some(self.serf.ip().to_string()),
            delegate_cur: 4,
            delegate_max: 5,
            delegate_min: 2,
            name: self.serf_name(),
            port: self.serf.port(),
            protocol_cur: 2,
            protocol_max: 5,
            protocol_min: 1,
            status: self.status.to_string(),
            tags: Some(self.tags()),
            ..agent::Member::default()
        }
    }

    /// The member that the API shows; `None` if it is no server.
    pub(crate) fn from_wire(shown: &agent::Member) -> Option<Self> {
        let serf = SocketAddr::new(shown.addr.as_deref()?.parse().ok()?, shown.port);
        Self::from_tags(&shown.name, serf, MemberStatus::parse(&shown.status)?, |key| {
            shown.tag(key)
        })
    }
}

impl MemberStatus {
    fn parse(name: &str) -> Option<Self> {
        [Self::Alive, Self::Leaving, Self::Left, Self::Failed]
            .into_iter()
            .find(|status| status.to_string() == name)
    }
}

impl fmt::Display for MemberStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alive => "alive",
            Self::Leaving => "leaving",
            Self::Left => "left",
            Self::Failed => "failed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    #[test]
    fn what_the_api_shows_is_the_same_member_again() {
        let id = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c".parse().unwrap();
        let mut member = Member::from_config(&AgentConfig::new("server.1", Role::Server), id);
        for status in
            [MemberStatus::Alive, MemberStatus::Leaving, MemberStatus::Left, MemberStatus::Failed]
        {
            member.status = status;
            assert_eq!(Member::from_wire(&member.to_wire()), Some(member.clone()));
        }
        let mut stranger = member.to_wire();
        stranger.tags.as_mut().unwrap().insert("role".into(), "consul".into());
        assert_eq!(Member::from_wire(&stranger), None);
        let mut other_region = member.to_wire();
        other_region.name = "server.1.mars".into();
        assert_eq!(Member::from_wire(&other_region), None);
    }
}
