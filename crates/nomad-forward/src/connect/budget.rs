//! How many connections one agent may get from us.

use std::time::Duration;

/// How many connections one agent may get from us, and how long requests wait for one.
///
/// Nomad's agents refuse the 101st connection from one address (`http_max_conns_per_client`), and a gateway is one
/// address for all its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain record of settings, each with a default")]
pub struct Budget {
    /// Connections to one agent, streams and waiting ones included. 88, so that with the 8 of the directory's own
    /// questions the agent sees fewer than 100.
    pub connections: usize,
    /// Requests that may wait for one. 512: more than that are not served within their time anyhow.
    pub waiting: usize,
    /// How long one may wait. 5 s: a caller who is told to come again can do so.
    pub patience: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { connections: 88, waiting: 512, patience: Duration::from_secs(5) }
    }
}
