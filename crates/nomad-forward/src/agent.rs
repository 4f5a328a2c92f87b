//! An agent as the gateway knows it.

mod endpoint;

use http::HeaderValue;
use nomad_wire::{NodeId, Region, ServerId};

pub use self::endpoint::Endpoint;

/// An agent of the fleet: how it is named, and where its HTTP API listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Agent {
    /// Its name: `name.region` of a server, the node's name of a client.
    name: HeaderValue,
    /// What it is.
    id: AgentId,
    /// Its region.
    region: Region,
    /// Where its HTTP API listens.
    endpoint: Endpoint,
    /// The same as a `Host` header.
    host: HeaderValue,
    /// What is spoken there.
    transport: Transport,
}

/// What an agent is, and the id that the cluster knows it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AgentId {
    /// A server agent.
    Server(ServerId),
    /// A client agent, that is a node.
    Client(NodeId),
    /// A server agent of which only the address is known yet.
    Seed,
}

/// What an agent's HTTP listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "an agent's `tls.http` is on or off")]
pub enum Transport {
    /// HTTP.
    #[default]
    Plain,
    /// HTTPS: the agent's `tls.http` is on.
    Tls,
}

/// An agent's name cannot stand in a header, so that it could never be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of an agent must be visible ASCII text")]
pub struct NameError;

/// Which agent is meant, and where: what is observed about an agent is kept by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AgentKey {
    agent_id: AgentId,
    region: Region,
    endpoint: Endpoint,
}

impl Agent {
    /// A server agent; `name` is its bare name, without the region.
    ///
    /// # Errors
    /// [`NameError`] when the name is not visible ASCII.
    pub fn server(
        name: &str,
        id: ServerId,
        region: Region,
        endpoint: impl Into<Endpoint>,
    ) -> Result<Self, NameError> {
        let name = visible_ascii(&format!("{name}.{region}"))?;
        Ok(Self::new(name, AgentId::Server(id), region, endpoint.into()))
    }

    /// A client agent.
    ///
    /// # Errors
    /// [`NameError`] when the name is not visible ASCII.
    pub fn client(
        name: &str,
        id: NodeId,
        region: Region,
        endpoint: impl Into<Endpoint>,
    ) -> Result<Self, NameError> {
        Ok(Self::new(visible_ascii(name)?, AgentId::Client(id), region, endpoint.into()))
    }

    /// A server agent of which only the endpoint is known; that is its name too.
    #[must_use]
    pub fn seed(region: Region, endpoint: impl Into<Endpoint>) -> Self {
        let endpoint = endpoint.into();
        Self::new(seed_name(&endpoint), AgentId::Seed, region, endpoint)
    }

    fn new(name: HeaderValue, identity: AgentId, region: Region, endpoint: Endpoint) -> Self {
        let host = endpoint.host_header();
        Self { name, id: identity, region, endpoint, host, transport: Transport::Plain }
    }

    /// The same agent, spoken to in this way.
    #[must_use]
    pub fn with_transport(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// The same agent at another endpoint.
    #[must_use]
    pub fn with_endpoint(self, endpoint: impl Into<Endpoint>) -> Self {
        let endpoint = endpoint.into();
        let host = endpoint.host_header();
        let name = if self.id == AgentId::Seed { seed_name(&endpoint) } else { self.name };
        Self { name, endpoint, host, ..self }
    }

    /// Its name: `name.region` of a server, the node's name of a client.
    #[must_use]
    pub fn name(&self) -> &str {
        // The constructors took text only.
        self.name.to_str().unwrap_or_default()
    }

    /// Its name, ready to be sent.
    #[must_use]
    pub const fn name_header(&self) -> &HeaderValue {
        &self.name
    }

    /// What it is.
    #[must_use]
    pub const fn id(&self) -> AgentId {
        self.id
    }

    /// It is a server agent.
    #[must_use]
    pub const fn is_server(&self) -> bool {
        matches!(self.id, AgentId::Server(_) | AgentId::Seed)
    }

    /// What its HTTP listener speaks.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.transport
    }

    /// Its region.
    #[must_use]
    pub const fn region(&self) -> &Region {
        &self.region
    }

    /// Where its HTTP API listens.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether both are one agent: the cluster knows them by one id. A seed, whose id is not known, is whoever listens
    /// at its endpoint.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self.id, other.id) {
            (AgentId::Seed, _) | (_, AgentId::Seed) => self.endpoint == other.endpoint,
            (own, others) => own == others && self.region == other.region,
        }
    }

    /// Whether a connection to the other one is one to this one: nothing that tells who answers differs.
    pub(crate) fn is_same_connection_target(&self, other: &Self) -> bool {
        self.id == other.id
            && self.region == other.region
            && self.endpoint == other.endpoint
            && self.transport == other.transport
    }

    pub(crate) fn key(&self) -> AgentKey {
        AgentKey { agent_id: self.id, region: self.region.clone(), endpoint: self.endpoint.clone() }
    }

    /// The name by which every agent understands it: a client's id, a server's full name. Nothing of a server that is
    /// known by its address only.
    pub(crate) fn full_name(&self) -> Option<&str> {
        match &self.id {
            AgentId::Client(id) => Some(id.as_str()),
            AgentId::Server(_) => Some(self.name()),
            AgentId::Seed => None,
        }
    }

    /// The `Host` header of requests to it.
    pub(crate) const fn host(&self) -> &HeaderValue {
        &self.host
    }
}

impl AgentKey {
    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

fn seed_name(endpoint: &Endpoint) -> HeaderValue {
    HeaderValue::try_from(endpoint.to_string()).unwrap_or(HeaderValue::from_static("server"))
}

fn visible_ascii(name: &str) -> Result<HeaderValue, NameError> {
    let value = HeaderValue::from_str(name).map_err(|_| NameError)?;
    if value.to_str().is_ok() { Ok(value) } else { Err(NameError) }
}
