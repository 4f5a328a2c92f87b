//! Why a change of the membership failed, in Nomad's text.

use thiserror::Error;

/// Why a change of the membership failed. `Display` is Nomad's text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MembershipError {
    /// The removal did not reach the other servers in time.
    #[error("timed out broadcasting node removal")]
    RemovalTimeout,
    /// Servers refused a change of the keyring; each logs the reason itself.
    #[error("{failed}/{nodes} nodes reported failure")]
    NodesFailed {
        /// Number of servers that refused.
        failed: usize,
        /// Number of alive servers.
        nodes: usize,
    },
    /// Servers did not respond in time.
    #[error("{answered}/{nodes} nodes reported success")]
    NodesSilent {
        /// Number of servers that responded.
        answered: usize,
        /// Number of alive servers.
        nodes: usize,
    },
    /// A key is not base64; the text of Go's decoder.
    #[error("illegal base64 data at input byte {0}")]
    MalformedKey(usize),
    /// Gossip has not started, or has ended.
    #[error("gossip is not running")]
    NotRunning,
    /// No server signed the identity of a node; each reason is in the text.
    #[error("no server signed the identity of this node: {0}")]
    IdentityNotSigned(Box<str>),
    /// The gossip library's error.
    #[error("{0}")]
    Gossip(Box<str>),
}
