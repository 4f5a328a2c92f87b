//! Why a change of the membership failed, in Nomad's words.

use thiserror::Error;

/// Why a change of the membership failed. `Display` is what Nomad answers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MembershipError {
    /// The others could not be told of a removal in time.
    #[error("timed out broadcasting node removal")]
    RemovalTimeout,
    /// Servers refused a change of the keyring; each says why in its own log.
    #[error("{failed}/{nodes} nodes reported failure")]
    NodesFailed {
        /// How many refused.
        failed: usize,
        /// How many servers are alive.
        nodes: usize,
    },
    /// Servers did not answer in time.
    #[error("{answered}/{nodes} nodes reported success")]
    NodesSilent {
        /// How many answered.
        answered: usize,
        /// How many servers are alive.
        nodes: usize,
    },
    /// A key is not base64, in the words of Go's decoder.
    #[error("illegal base64 data at input byte {0}")]
    MalformedKey(usize),
    /// The gossip of this agent has not begun, or has ended.
    #[error("gossip is not running")]
    NotRunning,
    /// No server signed the identity of a node; each says why not.
    #[error("no server signed the identity of this node: {0}")]
    IdentityNotSigned(Box<str>),
    /// What the gossip itself says.
    #[error("{0}")]
    Gossip(Box<str>),
}
