//! Why a lone agent does not run.

use std::{io, net::SocketAddr, path::PathBuf};

use thiserror::Error;

use super::config::ConfigError;
use crate::StartError;

/// Why a lone agent does not run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AgentRunError {
    /// The configuration is not usable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A listener, the runtime or the agent cannot start.
    #[error(transparent)]
    Start(StartError),
    /// A port is taken.
    #[error(
        "cannot listen on {address}; choose other ports (--http-port, --rpc-port, --serf-port), or stop what listens there"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The data directory cannot be used.
    #[error("cannot use {} as data directory", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The id of an allocation cannot be kept.
    #[error("cannot keep the id of allocation {name:?}")]
    AllocationId {
        /// Its name in the configuration.
        name: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An allocation cannot start.
    #[error("cannot start allocation {name:?}")]
    Allocation {
        /// Its name in the configuration.
        name: String,
        /// What the agent said.
        #[source]
        source: nomad_agent::StartError,
    },
}

impl From<StartError> for AgentRunError {
    /// What can be done about a taken port is another thing here than for the gateway.
    fn from(error: StartError) -> Self {
        match error {
            StartError::Listen { address, source } => Self::Listen { address, source },
            error => Self::Start(error),
        }
    }
}
