//! Why a target has no location.

use nomad_wire::{IdError, quote};
use thiserror::Error;

/// Why no agent was found. `Display` is Nomad's text where Nomad has one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// No node has this id.
    #[error("Unknown node {}", quote(.0))]
    UnknownNode(Box<str>),
    /// The text is no id, and no node's name or beginning of an id either.
    #[error("node lookup failed: index error: {0}")]
    NodeLookup(#[source] IdError),
    /// The text is the beginning of several ids, or several nodes have this name.
    #[error("{} names {count} nodes; give more of the id", quote(.written))]
    AmbiguousNode {
        /// What was written.
        written: Box<str>,
        /// How many nodes it could be.
        count: usize,
    },
    /// No server of the region has this name or id.
    #[error("unknown Nomad server {0}")]
    UnknownServer(Box<str>),
    /// The region has no leader now.
    #[error("No cluster leader")]
    NoLeader,
    /// No region of this name.
    #[error("No path to region")]
    UnknownRegion,
    /// No allocation has this id.
    #[error("Unknown allocation {}", quote(.0))]
    UnknownAllocation(Box<str>),
    /// The text is no allocation id.
    #[error("alloc lookup failed: index error: {0}")]
    AllocLookup(#[source] IdError),
    /// It is known, but there is no way to it, and no server passes this call on.
    #[error("No path to node")]
    NoPathToNode,
    /// The same for a server, whose HTTP address nobody knows.
    #[error("no known HTTP address of server {0}")]
    NoPathToServer(Box<str>),
    /// Nobody who was asked gave an answer to the look-up.
    #[error("the servers gave no answer about {0}")]
    NoResponse(Box<str>),
    /// There is no server at all.
    #[error("no servers")]
    NoServers,
    /// The call changes the one server that it reaches, and there are several.
    #[error("this changes one server, and there are several: name it with server_id")]
    SeveralServers,
    /// The call changes the one client that it reaches, and there are several.
    #[error("this changes one client agent, and there are several: name it with node_id")]
    SeveralClients,
    /// The caller may not ask, and nobody was asked.
    #[error("Permission denied")]
    PermissionDenied,
}
