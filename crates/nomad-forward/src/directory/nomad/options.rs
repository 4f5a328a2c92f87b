//! What is known about a cluster beforehand.

use std::{net::SocketAddr, sync::Arc};

use nomad_wire::{Region, SecretId};

use super::{Consul, Host, Names, SystemNames};
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
    pub names: Arc<dyn Names>,
    /// The HTTP port of servers whose address nobody tells: 4646.
    pub http_port: u16,
    /// What servers speak whose address nobody tells.
    pub transport: Transport,
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
            names: Arc::new(SystemNames),
            http_port: HTTP_PORT,
            transport: Transport::Plain,
        }
    }
}
