//! The servers of one process, known to each other without a socket.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use super::{BoxFuture, JoinOutcome, Member, MemberStatus, Membership, Removal, ServerList};
use crate::membership::{MembershipError, smallest_alive};

/// The servers of one process, known to each other without a socket.
///
/// There is no election: the leader of a region is the alive server with the smallest name, so all agents that
/// share the roster name the same leader at once.
///
/// ```
/// use nomad_agent::{AgentConfig, Member, MemberStatus, Membership as _, Role, Roster};
///
/// let roster = Roster::new();
/// for (name, id) in [("server2", "a"), ("server1", "b")] {
///     let id = id.repeat(32).parse::<uuid::Uuid>()?.to_string().parse()?;
///     roster.insert(Member::from_config(&AgentConfig::new(name, Role::Server), id));
/// }
/// assert_eq!(roster.leader("global").map(|leader| leader.name), Some("server1".to_owned()));
/// roster.set_status("server1.global", MemberStatus::Failed);
/// assert_eq!(roster.leader("global").map(|leader| leader.name), Some("server2".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Roster {
    /// By full name, so that order and leader are the same for every agent.
    members: RwLock<BTreeMap<String, Member>>,
    server_list: ServerList,
}

impl Roster {
    /// An empty roster.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a server, or replaces the one with the same full name.
    pub fn insert(&self, member: Member) {
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        members.insert(member.serf_name(), member);
    }

    /// Sets the status of a server. Unknown names change nothing, as with Nomad's `force-leave`.
    pub fn set_status(&self, serf_name: &str, status: MemberStatus) {
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(member) = members.get_mut(serf_name) {
            member.status = status;
        }
    }

    /// Removes a server.
    pub fn remove(&self, serf_name: &str) {
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
        smallest_alive(members.values(), region).cloned()
    }

    fn server_list(&self) -> &ServerList {
        &self.server_list
    }

    fn join<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, JoinOutcome> {
        let fault =
            |address: &String| format!("failed to join {address}: this agent does not gossip");
        let faults: Vec<_> = addresses.iter().map(fault).collect();
        Box::pin(std::future::ready(JoinOutcome::new(0, &faults)))
    }

    fn force_leave<'a>(
        &'a self,
        serf_name: &'a str,
        removal: Removal,
    ) -> BoxFuture<'a, Result<(), MembershipError>> {
        let status = self.member(serf_name).map(|member| member.status);
        match (removal, status) {
            (Removal::Prune, _) => self.remove(serf_name),
            (Removal::Leave, Some(MemberStatus::Failed)) => {
                self.set_status(serf_name, MemberStatus::Left);
            }
            (Removal::Leave, Some(MemberStatus::Alive)) => {
                self.set_status(serf_name, MemberStatus::Leaving);
            }
            (Removal::Leave, _) => {}
        }
        Box::pin(std::future::ready(Ok(())))
    }
}
