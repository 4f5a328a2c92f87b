//! Why a lone agent does not run.

use std::{io, net::SocketAddr, path::PathBuf};

use nomad_acl::tokens::TableError;
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
    /// The tokens cannot be used.
    #[error("cannot use the tokens in {}", path.display())]
    Tokens {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: TokensFileError,
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
        source: nomad_agent::AllocStartError,
    },
}

/// What is wrong with a file of tokens.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokensFileError {
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[from] io::Error),
    /// It is no JSON, or JSON of another shape. What stands there may be a secret, so only the place is told.
    #[error("no table of tokens at line {line}, column {column}")]
    Json {
        /// The line, from 1; 0 when the fault has no place.
        line: usize,
        /// The column.
        column: usize,
    },
    /// A policy or a token cannot be used.
    #[error(transparent)]
    Table(#[from] TableError),
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
