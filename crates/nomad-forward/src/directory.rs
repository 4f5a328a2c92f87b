//! Where agents and allocations are.

mod error;
mod nomad;
mod static_directory;

use std::sync::Arc;

use http::{HeaderMap, Request};
use nomad_acl::{HandshakeToken, RegionScope, Subject};
use nomad_wire::{NodeId, Region, SecretId, header};

pub use self::{
    error::DirectoryError,
    nomad::{
        AddressesFuture, Consul, Host, LocateFuture, NomadDirectory, NomadOptions, RegionStatus,
        Resolver, SystemResolver, Watcher,
    },
    static_directory::{StaticDirectory, StaticDirectoryBuilder},
};
use crate::{Agent, AgentId, Target};

/// What a directory knows about a target.
#[derive(Debug, Clone)]
pub struct Location {
    /// The agent that is meant.
    pub agent: Arc<Agent>,
    /// Whose object the call is about: for an allocation its own namespace.
    pub subject: Subject,
    /// Agents that can answer as well when this one cannot be reached; empty when one agent is named.
    pub fallbacks: Vec<Arc<Agent>>,
    /// Whether these agents answer themselves.
    pub via: Via,
    /// The region of whoever answers in the end: rights of another one decide nothing about it.
    pub region: RegionScope,
}

/// Whether the agent that is asked answers itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an agent answers, or it asks another one")]
pub enum Via {
    /// It does.
    Direct,
    /// It is a server, and passes the call on to the agent that is meant.
    Relay(RelayTarget),
}

/// The agent behind a relay, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "what is known of an agent is nothing, a name, or all")]
pub enum RelayTarget {
    /// Only what the caller wrote.
    Unknown,
    /// The full name of a server whose HTTP address nobody knows.
    Server(Box<str>),
    /// The id of a node that is not asked itself: it has no address that can be used, or another may have it by now.
    Node(NodeId),
    /// All of it; there is no way to it at the moment.
    Agent(Arc<Agent>),
}

/// Who asks: a directory without a right of its own looks things up in the caller's name.
#[derive(Debug, Clone, Copy, Default)]
pub struct LookupContext<'a> {
    headers: Option<&'a HeaderMap>,
    handshake_token: Option<&'a HandshakeToken>,
    name_match: NameMatch,
}

/// How an agent may be written: what is short is looked for among all agents, which tells who writes it about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "a name is whole or it is not")]
pub enum NameMatch {
    /// A full id or a full name, which exactly one agent has.
    #[default]
    Exact,
    /// The beginning of an id and a bare name as well: for callers who may list the agents.
    Prefix,
}

impl<'a> LookupContext<'a> {
    /// The caller who sent these headers.
    #[must_use]
    pub const fn new(headers: &'a HeaderMap) -> Self {
        Self { headers: Some(headers), handshake_token: None, name_match: NameMatch::Exact }
    }

    /// The caller who sent this request, or said its token in the first message of a websocket.
    #[must_use]
    pub fn from_request<B>(request: &'a Request<B>) -> Self {
        let (headers, shaken) = (Some(request.headers()), request.extensions().get());
        Self { headers, handshake_token: shaken, name_match: NameMatch::Exact }
    }

    /// The same caller, who may write agents so.
    #[must_use]
    pub const fn with_name_match(self, spelling: NameMatch) -> Self {
        Self { name_match: spelling, ..self }
    }

    /// How this caller may write agents.
    #[must_use]
    pub const fn name_match(&self) -> NameMatch {
        self.name_match
    }

    /// The caller's token; the headers are read only now.
    #[must_use]
    pub fn token(&self) -> Option<SecretId> {
        match self.handshake_token {
            Some(HandshakeToken(token)) => Some(token.clone()),
            None => header::token(self.headers?).ok().flatten(),
        }
    }
}

/// Whoever knows the fleet.
pub trait Directory {
    /// The look-up; ready at once when the answer is known.
    type Future: Future<Output = Result<Location, DirectoryError>> + Send + Unpin + 'static;

    /// Which agent is meant? `region` is the one that the caller asks for; `None` means the directory's own.
    fn locate(
        &self,
        target: &Target,
        region: Option<&Region>,
        caller: LookupContext<'_>,
    ) -> Self::Future;

    /// Servers that pass calls on to this agent while it cannot be reached; none when there is no such way.
    fn relays(&self, _agent: &Agent) -> Vec<Arc<Agent>> {
        Vec::new()
    }

    /// A connection to this agent could not be made, or could be made again.
    fn observe(&self, agent: &Arc<Agent>, reachable: Reachability);

    /// This agent accepted a request and did not answer in time: where others will do they are asked before it.
    fn observe_timeout(&self, _agent: &Arc<Agent>) {}

    /// What is believed about every agent now, for people and monitors.
    fn agent_health(&self) -> Vec<AgentHealth>;

    /// Whether the fleet tells the gateway what it needs to know.
    fn discovery_status(&self) -> DiscoveryStatus {
        DiscoveryStatus::Complete
    }
}

/// What the servers say to the questions in the gateway's own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DiscoveryStatus {
    /// They answer.
    Complete,
    /// None has answered yet.
    NoResponse,
    /// They refuse the gateway's own token, so that each caller's is asked with.
    TokenRefused,
    /// They answer nobody without a token, and the gateway has none, so that each caller's is asked with.
    NoToken,
}

impl DiscoveryStatus {
    /// A sentence for people.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Complete => "ok",
            Self::NoResponse => "no server has answered yet",
            Self::TokenRefused => {
                "the servers refuse the gateway's own token (nomad.token, --token, NOMAD_TOKEN): it is unknown or \
                 expired, or lacks node:read; callers' own tokens are asked with instead"
            }
            Self::NoToken => {
                "the servers tell nothing without a token, and the gateway has none of its own (nomad.token, --token, \
                 NOMAD_TOKEN): callers' own tokens are asked with instead"
            }
        }
    }
}

/// What a directory believes about an agent, and why.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AgentHealth {
    /// The agent's name.
    pub name: Box<str>,
    /// Its id, where it is known.
    pub id: Option<Box<str>>,
    /// It is a server.
    pub is_server: bool,
    /// All of it, where its HTTP address is known.
    pub agent: Option<Arc<Agent>>,
    /// What is done with it.
    pub state: HealthState,
    /// The reason, in a sentence for people.
    pub reason: Box<str>,
}

impl AgentHealth {
    /// This is believed about this agent, for this reason.
    #[must_use]
    pub fn new(agent: Arc<Agent>, standing: HealthState, why: impl Into<Box<str>>) -> Self {
        let id = match agent.id() {
            AgentId::Server(id) => Some(id.as_str().into()),
            AgentId::Client(id) => Some(id.as_str().into()),
            AgentId::Seed => None,
        };
        let (name, is_server) = (agent.name().into(), agent.is_server());
        Self { name, id, is_server, agent: Some(agent), state: standing, reason: why.into() }
    }
}

/// What is done with an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HealthState {
    /// It is asked.
    Direct,
    /// Others are asked before it when any will do.
    Avoided,
    /// Servers are asked to pass calls on to it.
    Relayed,
    /// Nobody has asked for it yet, so that its address is not known.
    Unknown,
}

impl HealthState {
    /// A word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Avoided => "avoided",
            Self::Relayed => "relayed",
            Self::Unknown => "unasked",
        }
    }
}

/// What the last attempt to connect to an agent came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an attempt succeeds or fails")]
pub enum Reachability {
    /// It answered.
    Reachable,
    /// It did not.
    Unreachable,
}
