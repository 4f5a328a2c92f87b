//! Server membership and leadership.
//!
//! Handlers use a [`Membership`] and know no socket. There are three: a [`Roster`] that agents of one process
//! share, [`Gossip`] between servers, and [`RemoteMembership`] for clients, which polls a server. All sockets of
//! this crate are here.

mod address;
mod error;
mod gossip;
mod member;
mod peer;
mod remote;
mod roster;
mod server_list;

use std::{fmt, net::SocketAddr, pin::Pin};

use nomad_wire::{SecretId, agent};

use crate::node_identity::IdentityRequest;

pub(crate) use self::address::multi_error;
pub use self::{
    error::MembershipError,
    gossip::{Gossip, GossipError, GossipKey, GossipOptions, KeyError, free_address},
    member::{Member, MemberStatus},
    peer::{PEER_IDENTITY_PATH, PEER_MEMBERS_PATH, PeerService, peer_service},
    remote::RemoteMembership,
    roster::Roster,
    server_list::{NoServerReachable, ServerList},
};

/// The future of an operation that contacts other servers.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The servers as one agent knows them.
pub trait Membership: fmt::Debug + Send + Sync + 'static {
    /// Every known server, including those that failed or left and are not forgotten yet.
    fn members(&self) -> Vec<Member>;

    /// The leader of a region. There is no election: it is the alive server with the smallest name, so agents that
    /// know the same servers name the same leader. `None` while no server is alive.
    fn leader(&self, region: &str) -> Option<Member> {
        smallest_alive(&self.members(), region).cloned()
    }

    /// The server with this full name (`name.region`); an agent finds itself with it.
    fn member(&self, serf_name: &str) -> Option<Member> {
        self.members().into_iter().find(|member| member.serf_name() == serf_name)
    }

    /// The servers chosen for a client of this agent, if any were.
    fn server_list(&self) -> &ServerList;

    /// RPC addresses of the servers that a client uses: the chosen ones, otherwise the alive ones, ordered by name.
    fn servers(&self) -> Vec<String> {
        let alive = || {
            let members = self.members();
            let alive = members.iter().filter(|member| member.is_alive());
            alive.map(|member| member.rpc).collect()
        };
        let servers: Vec<SocketAddr> = self.server_list().chosen().unwrap_or_else(alive);
        servers.iter().map(ToString::to_string).collect()
    }

    /// Contacts other servers and learns the members they know. Each address is `host`, `host:port` or an IPv6
    /// address; the default port is that of gossip, 4648.
    fn join<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, JoinOutcome>;

    /// Marks a failed server as left; an alive one becomes leaving, which it will refute. Unknown names change
    /// nothing.
    ///
    /// # Errors
    /// [`MembershipError::RemovalTimeout`] when the other servers could not be notified in time.
    fn force_leave<'a>(
        &'a self,
        serf_name: &'a str,
        removal: Removal,
    ) -> BoxFuture<'a, Result<(), MembershipError>>;

    /// Shows or changes the keys that gossip is encrypted with, at every server.
    ///
    /// # Errors
    /// [`MembershipError::NodesFailed`] when gossip is not encrypted, or a server refuses;
    /// [`MembershipError::NodesSilent`] when one does not respond.
    fn keyring(&self, _: KeyringRequest) -> BoxFuture<'_, Result<agent::Keyring, MembershipError>> {
        let alive = self.members().iter().filter(|member| member.is_alive()).count();
        let failed = MembershipError::NodesFailed { failed: alive, nodes: alive };
        Box::pin(std::future::ready(Err(failed)))
    }

    /// Requests a signed identity for a node from the servers that a client uses, one after the other.
    ///
    /// # Errors
    /// [`MembershipError::IdentityNotSigned`] when no server signs it.
    fn sign_identity<'a>(
        &'a self,
        request: &'a IdentityRequest,
    ) -> BoxFuture<'a, Result<SecretId, MembershipError>> {
        Box::pin(peer::request_identity(self.servers(), request))
    }

    /// Whether gossip is encrypted.
    fn is_encrypted(&self) -> bool {
        false
    }

    /// Statistics of gossip under their names in `/v1/agent/self`; empty without gossip.
    fn gossip_stats(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// The outcome of contacting other servers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct JoinOutcome {
    /// Successful contacts; a repeated address counts each time.
    pub contacted: usize,
    /// Why no server was contacted; `None` as soon as one contact succeeded.
    pub error: Option<String>,
}

/// How a server is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a removed server stays listed or not")]
pub enum Removal {
    /// It stays in the list with status `left`.
    Leave,
    /// It is removed from the list as well.
    Prune,
}

/// An operation on the gossip keyring.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "Nomad's gossip knows these four")]
pub enum KeyringRequest {
    /// Lists the keys.
    List,
    /// Adds a key for decryption.
    Install(GossipKey),
    /// Encrypts with an installed key from now on.
    Use(GossipKey),
    /// Removes a key that is not in use.
    Remove(GossipKey),
}

impl JoinOutcome {
    /// A partial success clears the error.
    fn new(contacted: usize, faults: &[String]) -> Self {
        let error = (contacted == 0 && !faults.is_empty()).then(|| multi_error(faults));
        Self { contacted, error }
    }
}

/// The leader rule: every agent that knows the same servers picks the same one.
fn smallest_alive<'a>(
    members: impl IntoIterator<Item = &'a Member>,
    region: &str,
) -> Option<&'a Member> {
    let alive = members.into_iter().filter(|member| member.region == region && member.is_alive());
    alive.min_by(|a, b| a.name.cmp(&b.name))
}
