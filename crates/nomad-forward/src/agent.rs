//! An agent as the gateway knows it.

use std::net::SocketAddr;

use http::HeaderValue;
use nomad_wire::{NodeId, Region, ServerId};

/// An agent of the fleet: how it is named, and where its HTTP API listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its name: `name.region` of a server, the node's name of a client.
    name: HeaderValue,
    /// What it is.
    identity: Identity,
    /// Its region.
    region: Region,
    /// Where its HTTP API listens.
    address: SocketAddr,
    /// The same as a `Host` header.
    host: HeaderValue,
    /// What is spoken there.
    transport: Transport,
}

/// What an agent is, and the id that the cluster knows it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// A server agent.
    Server(ServerId),
    /// A client agent, that is a node.
    Client(NodeId),
    /// A server agent of which only the address is known yet.
    Seed,
}

/// What an agent's HTTP listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

impl Agent {
    /// A server agent; `name` is its bare name, without the region.
    ///
    /// # Errors
    /// [`NameError`] when the name is not visible ASCII.
    pub fn server(
        name: &str,
        id: ServerId,
        region: Region,
        address: SocketAddr,
    ) -> Result<Self, NameError> {
        let name = visible(&format!("{name}.{region}"))?;
        Ok(Self {
            name,
            identity: Identity::Server(id),
            region,
            address,
            host: visible(&address.to_string())?,
            transport: Transport::Plain,
        })
    }

    /// A client agent.
    ///
    /// # Errors
    /// [`NameError`] when the name is not visible ASCII.
    pub fn client(
        name: &str,
        id: NodeId,
        region: Region,
        address: SocketAddr,
    ) -> Result<Self, NameError> {
        let host = visible(&address.to_string())?;
        let name = visible(name)?;
        let identity = Identity::Client(id);
        Ok(Self { name, identity, region, address, host, transport: Transport::Plain })
    }

    /// A server agent of which only the address is known; that is its name too.
    #[must_use]
    pub fn seed(region: Region, address: SocketAddr) -> Self {
        let host = HeaderValue::from_str(&address.to_string());
        // The text of an address is visible ASCII.
        let host = host.unwrap_or(HeaderValue::from_static("server"));
        let (name, identity) = (host.clone(), Identity::Seed);
        Self { name, identity, region, address, host, transport: Transport::Plain }
    }

    /// The same agent, spoken to in this way.
    #[must_use]
    pub fn over(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// The same agent at another address.
    #[must_use]
    pub fn at(self, address: SocketAddr) -> Self {
        // The text of an address is visible ASCII.
        let host = HeaderValue::from_str(&address.to_string()).unwrap_or(self.host);
        let name = if self.identity == Identity::Seed { host.clone() } else { self.name };
        Self { name, address, host, ..self }
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
    pub const fn identity(&self) -> Identity {
        self.identity
    }

    /// It is a server agent.
    #[must_use]
    pub const fn is_server(&self) -> bool {
        matches!(self.identity, Identity::Server(_) | Identity::Seed)
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
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The name by which every agent understands it: a client's id, a server's full name. Nothing of a server that is
    /// known by its address only.
    pub(crate) fn full_name(&self) -> Option<&str> {
        match &self.identity {
            Identity::Client(id) => Some(id.as_str()),
            Identity::Server(_) => Some(self.name()),
            Identity::Seed => None,
        }
    }

    /// The `Host` header of requests to it.
    pub(crate) const fn host(&self) -> &HeaderValue {
        &self.host
    }
}

fn visible(name: &str) -> Result<HeaderValue, NameError> {
    let value = HeaderValue::from_str(name).map_err(|_| NameError)?;
    if value.to_str().is_ok() { Ok(value) } else { Err(NameError) }
}
