//! Why the gateway does not serve.

use std::io;

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
