//! Why the gateway does not serve.

use std::io;

use nomad_forward::directory::DiscoveryStatus;
use thiserror::Error;

use crate::{StartError, config::ConfigError};

/// Why the gateway does not serve.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The configuration is not usable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The listener or the runtime cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The cluster does not tell the gateway what it needs to know.
    #[error("{}", .0.reason())]
    Discovery(DiscoveryStatus),
    /// An agent's host name leads to the gateway.
    #[error("{host:?} leads to the address where the gateway itself listens")]
    OwnAddress {
        /// The name.
        host: String,
    },
    /// A host name has no address.
    #[error("no address of {host:?} is known")]
    Resolve {
        /// The name.
        host: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
