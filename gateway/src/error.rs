//! Why the program cannot start.

use std::{io, net::SocketAddr, path::PathBuf};

use thiserror::Error;

/// Why the program cannot start, and what can be done about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The runtime could not be built.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}; choose another with --listen, or stop what listens there")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A directory cannot be made.
    #[error("cannot use {} as data directory; choose another with --data-dir", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An agent cannot start.
    #[error("cannot start agent {name:?}")]
    Agent {
        /// Its name.
        name: String,
        /// What it said.
        #[source]
        source: nomad_agent::AgentStartError,
    },
    /// A server cannot gossip.
    #[error("server {name:?} cannot gossip")]
    Gossip {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: nomad_agent::GossipError,
    },
    /// The demo allocation cannot start.
    #[error("cannot start the demo allocation")]
    Allocation(#[source] nomad_agent::AllocStartError),
    /// An agent has a name that cannot be sent in a header.
    #[error("agent {name:?} cannot be put into the directory")]
    Name {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: nomad_forward::NameError,
    },
    /// The tokens of the fleet cannot be made.
    #[error("cannot make the tokens of the fleet")]
    Tokens(#[from] nomad_acl::tokens::TableError),
    /// The files for TLS cannot be used.
    #[error("cannot speak TLS")]
    Tls(#[from] crate::server::tls::TlsError),
    /// The access log cannot be written.
    #[error(transparent)]
    AccessLog(#[from] crate::telemetry::AccessLogError),
    /// Nothing can be said on standard error.
    #[error("cannot write to standard error")]
    Console(#[source] io::Error),
    /// The signals that end the program cannot be heard.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}
