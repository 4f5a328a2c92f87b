//! Who the servers are, and who leads them.
//!
//! Handlers ask a [`Membership`] and know no socket. There are three: a [`Roster`] that agents of one process share,
//! [`Gossip`] between servers, and [`RemoteMembership`] for clients, who ask a server. The sockets of this crate are all here.

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

/// What takes a while because others are asked.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The servers as one agent knows them.
pub trait Membership: fmt::Debug + Send + Sync + 'static {
    /// Every known server, gone ones that are still remembered included.
    fn members(&self) -> Vec<Member>;

    /// Who leads the servers of a region: there is no election, so it is the alive server with the smallest name,
    /// and everybody who knows the same servers names the same one. None while none is alive.
    fn leader(&self, region: &str) -> Option<Member> {
        smallest_alive(&self.members(), region).cloned()
    }

    /// The server of that full name (`name.region`), which is how an agent finds itself.
    fn member(&self, serf_name: &str) -> Option<Member> {
        self.members().into_iter().find(|member| member.serf_name() == serf_name)
    }

    /// The servers that a client of this agent talks to, where somebody has chosen them.
    fn server_list(&self) -> &ServerList;

    /// RPC addresses of the servers that a client talks to: the chosen ones, or those that are alive, in the order of
    /// their names.
    fn servers(&self) -> Vec<String> {
        let alive = || {
            let members = self.members();
            let alive = members.iter().filter(|member| member.is_alive());
            alive.map(|member| member.rpc).collect()
        };
        let servers: Vec<SocketAddr> = self.server_list().chosen().unwrap_or_else(alive);
        servers.iter().map(ToString::to_string).collect()
    }

    /// Contacts other servers and takes over whom they know. Each address is `host`, `host:port` or an IPv6 address;
    /// the port is that of gossip, 4648, unless said otherwise.
    fn join<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, JoinOutcome>;

    /// Says of a failed server that it left; an alive one is leaving, which it will deny. Unknown names change
    /// nothing.
    ///
    /// # Errors
    /// [`MembershipError::RemovalTimeout`] when the others could not be told.
    fn force_leave<'a>(
        &'a self,
        serf_name: &'a str,
        removal: Removal,
    ) -> BoxFuture<'a, Result<(), MembershipError>>;

    /// Shows or changes the keys that gossip is encrypted with, at every server.
    ///
    /// # Errors
    /// [`MembershipError::NodesFailed`] when gossip is not encrypted, or a server refuses;
    /// [`MembershipError::NodesSilent`] when one does not answer.
    fn keyring(&self, _: KeyringRequest) -> BoxFuture<'_, Result<agent::Keyring, MembershipError>> {
        let alive = self.members().iter().filter(|member| member.is_alive()).count();
        let failed = MembershipError::NodesFailed { failed: alive, nodes: alive };
        Box::pin(std::future::ready(Err(failed)))
    }

    /// Asks the servers that a client talks to, one after the other, to sign the identity of a node.
    ///
    /// # Errors
    /// [`MembershipError::IdentityNotSigned`] when none does.
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

    /// Figures of the gossip by the names that `/v1/agent/self` has for them; empty without gossip.
    fn gossip_stats(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// How contacting others went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct JoinOutcome {
    /// Successful contacts; an address that was given twice counts twice.
    pub contacted: usize,
    /// Why nobody was contacted; none as soon as one contact succeeded.
    pub error: Option<String>,
}

/// How far a server is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a server is remembered or not")]
pub enum Removal {
    /// It stays in the list as one that left.
    Leave,
    /// It is dropped from the list as well.
    Prune,
}

/// What is asked of the gossip keyring.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "Nomad's gossip knows these four")]
pub enum KeyringRequest {
    /// Which keys there are.
    List,
    /// Adds a key to decrypt with.
    Install(GossipKey),
    /// Encrypts with an installed key from now on.
    Use(GossipKey),
    /// Drops a key that is not in use.
    Remove(GossipKey),
}

impl JoinOutcome {
    /// A partial success clears the error.
    fn new(contacted: usize, faults: &[String]) -> Self {
        let error = (contacted == 0 && !faults.is_empty()).then(|| multi_error(faults));
        Self { contacted, error }
    }
}

/// The rule by which everybody names the same leader.
fn smallest_alive<'a>(
    members: impl IntoIterator<Item = &'a Member>,
    region: &str,
) -> Option<&'a Member> {
    let alive = members.into_iter().filter(|member| member.region == region && member.is_alive());
    alive.min_by(|a, b| a.name.cmp(&b.name))
}
