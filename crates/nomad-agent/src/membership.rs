//! Who the servers are, and who leads them.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{PoisonError, RwLock},
};

use nomad_wire::{ServerId, agent};

use crate::config::{AgentConfig, NOMAD_VERSION, VERSION_METADATA};

/// The servers as one agent knows them.
pub trait Membership: fmt::Debug + Send + Sync + 'static {
    /// Every known server, gone ones that are still remembered included.
    fn members(&self) -> Vec<Member>;

    /// Who leads the servers of a region; none while nobody is elected.
    fn leader(&self, region: &str) -> Option<Member>;

    /// The server of that full name (`name.region`), which is how an agent finds itself.
    fn member(&self, serf_name: &str) -> Option<Member> {
        self.members().into_iter().find(|member| member.serf_name() == serf_name)
    }
}

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
    /// Where it gossips.
    pub serf: SocketAddr,
    /// Where it takes RPC.
    pub rpc: SocketAddr,
    /// Whether it is there.
    pub status: MemberStatus,
}

/// Whether a server is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemberStatus {
    /// It answers.
    Alive,
    /// It is about to go.
    Leaving,
    /// It went of its own will, or was told to.
    Left,
    /// It stopped answering.
    Failed,
}

impl Member {
    /// The server that an agent of this configuration is.
    #[must_use]
    pub fn of(config: &AgentConfig, id: ServerId) -> Self {
        Self {
            name: config.name.clone(),
            region: config.region.clone(),
            datacenter: config.datacenter.clone(),
            id,
            serf: config.serf,
            rpc: config.rpc,
            status: MemberStatus::Alive,
        }
    }

    /// The full name: `name.region`.
    #[must_use]
    pub fn serf_name(&self) -> String {
        format!("{}.{}", self.name, self.region)
    }

    /// Whether it answers.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.status == MemberStatus::Alive
    }

    /// The member as the API shows it.
    ///
    /// The protocol numbers are those of the gossip library that Nomad 1.0 to 2.0 uses.
    #[must_use]
    pub fn to_wire(&self) -> agent::Member {
        let tags = [
            ("role", "nomad".to_owned()),
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
            tags: Some(tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            ..agent::Member::default()
        }
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

/// The servers of one process, told to each other.
///
/// There is no election: the leader of a region is the alive server whose name is the smallest,
/// so every agent that shares the roster names the same one at once.
///
/// ```
/// use nomad_agent::{AgentConfig, Member, MemberStatus, Membership as _, Role, Roster};
///
/// let roster = Roster::new();
/// for (name, id) in [("server2", "a"), ("server1", "b")] {
///     let id = id.repeat(32).parse::<uuid::Uuid>()?.to_string().parse()?;
///     roster.join(Member::of(&AgentConfig::new(name, Role::Server), id));
/// }
/// assert_eq!(roster.leader("global").map(|leader| leader.name), Some("server1".to_owned()));
/// roster.mark("server1.global", MemberStatus::Failed);
/// assert_eq!(roster.leader("global").map(|leader| leader.name), Some("server2".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Roster {
    /// By full name, so that order and leader are the same for everybody.
    members: RwLock<BTreeMap<String, Member>>,
}

impl Roster {
    /// Nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a server, or replaces the one of the same full name.
    pub fn join(&self, member: Member) {
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        members.insert(member.serf_name(), member);
    }

    /// Says how a server is. Unknown names change nothing, as with Nomad's `force-leave`.
    pub fn mark(&self, serf_name: &str, status: MemberStatus) {
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(member) = members.get_mut(serf_name) {
            member.status = status;
        }
    }

    /// Forgets a server.
    pub fn forget(&self, serf_name: &str) {
        self.members.write().unwrap_or_else(PoisonError::into_inner).remove(serf_name);
    }
}

impl Membership for Roster {
    fn members(&self) -> Vec<Member> {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        members.values().cloned().collect()
    }

    fn leader(&self, region: &str) -> Option<Member> {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        let alive = members.values().filter(|member| member.region == region && member.is_alive());
        alive.min_by(|a, b| a.name.cmp(&b.name)).cloned()
    }
}
