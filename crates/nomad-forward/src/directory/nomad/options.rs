//! Configuration of a [`NomadDirectory`](super::NomadDirectory).

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
};

use nomad_wire::{Region, SecretId};

use super::{Consul, Host, Resolver, SystemResolver};
use crate::{Agent, Transport};

/// The port of Nomad's HTTP API, unless an operator chose another.
const HTTP_PORT: u16 = 4646;

/// What is known about a cluster beforehand. All of it may be left out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NomadOptions {
    /// The region that callers mean who name none; without it the region of the servers that answer.
    pub region: Option<Region>,
    /// The gateway's own token: `node:read`, and `read-job` in all namespaces, are all it needs. Without it everything
    /// is asked in the callers' names.
    pub token: Option<SecretId>,
    /// HTTP addresses of servers by their name, full or bare, and what is spoken there. They are believed.
    pub servers: Vec<(Box<str>, SocketAddr, Transport)>,
    /// Where servers register, if they do.
    pub consul: Option<Consul>,
    /// Nodes whose HTTP addresses are known; they are believed, whatever the cluster says.
    pub nodes: Vec<Arc<Agent>>,
    /// Which of these addresses, and of those that it begins with, were written as names. They are looked up again every
    /// half minute, and sooner when nobody is there any more.
    pub hosts: Vec<(SocketAddr, Host)>,
    /// Whom names are looked up with.
    pub resolver: Arc<dyn Resolver>,
    /// Where the gateway itself listens: an agent that is said to be there would be asked through the gateway, for ever.
    pub own_addresses: Vec<SocketAddr>,
    /// The HTTP port of servers whose address nobody tells: 4646.
    pub http_port: u16,
    /// What servers speak whose address nobody tells.
    pub transport: Transport,
}

impl NomadOptions {
    /// Whether the gateway itself listens at this address.
    #[must_use]
    pub fn is_own_address(&self, address: SocketAddr) -> bool {
        self.own_addresses.iter().any(|own| {
            own.port() == address.port()
                && (own.ip() == address.ip()
                    || (own.ip().is_unspecified() && is_of_this_host(address.ip())))
        })
    }
}

/// Whether an address is one of this host: only such a one can be bound.
fn is_of_this_host(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}

impl Default for NomadOptions {
    fn default() -> Self {
        Self {
            region: None,
            token: None,
            servers: Vec::new(),
            consul: None,
            nodes: Vec::new(),
            hosts: Vec::new(),
            resolver: Arc::new(SystemResolver),
            own_addresses: Vec::new(),
            http_port: HTTP_PORT,
            transport: Transport::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateways_own_address_is_known_by_every_name_it_has_on_this_host() {
        let own = ["0.0.0.0:8646", "10.0.0.9:4646"].map(|own| own.parse().unwrap()).into();
        let options = NomadOptions { own_addresses: own, ..NomadOptions::default() };
        for (address, is_own) in [
            ("127.0.0.1:8646", true),
            ("127.0.0.9:8646", true),
            ("127.0.0.1:8647", false),
            ("192.0.2.1:8646", false),
            ("10.0.0.9:4646", true),
            ("127.0.0.1:4646", false),
        ] {
            assert_eq!(options.is_own_address(address.parse().unwrap()), is_own, "{address}");
        }
    }
}
