//! Why no server gave an answer.

use std::time::Duration;

use thiserror::Error;

use crate::connect::ConnectError;

/// Why no server gave an answer; of several servers, why the last one did not.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApiError {
    /// No server is known.
    #[error("no servers")]
    NoServers,
    /// No connection could be made.
    #[error("cannot reach a server")]
    Connect(#[source] ConnectError),
    /// The connection broke before an answer began.
    #[error("the server broke the connection")]
    Lost(#[source] hyper::Error),
    /// The server accepted the question and did not answer.
    #[error("the server did not answer within {0:?}")]
    Timeout(Duration),
    /// The answer broke off, or is larger than any answer should be.
    #[error("the server's answer cannot be read")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ApiError {
    /// Whether nothing of the request was sent.
    #[must_use]
    pub const fn is_unsent(&self) -> bool {
        matches!(self, Self::NoServers | Self::Connect(_))
    }
}
