//! The limits of connections to one agent.

use std::time::Duration;

/// How many connections one agent may get from us, and how long requests wait for one.
///
/// Nomad's agents refuse the 101st connection from one address (`http_max_conns_per_client`), and a gateway is one
/// address for all its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain record of settings, each with a default")]
pub struct ConnectionLimits {
    /// Connections to one agent, streams and waiting ones included. 88, so that with the 8 of the directory's own
    /// questions the agent sees fewer than 100. Streams and blocking queries get at most [`long_lived`](Self::long_lived)
    /// of them, and so do responses that their clients do not take.
    pub connections: usize,
    /// Requests that may wait for one. 512: more than that are not served within their time anyhow.
    pub queued: usize,
    /// How long one may wait. 5 s: a caller who is told to come again can do so.
    pub queue_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { connections: 88, queued: 512, queue_timeout: Duration::from_secs(5) }
    }
}

impl ConnectionLimits {
    /// What is always left to short calls: a web page asks as much at once.
    pub const RESERVED_FOR_SHORT: usize = 8;

    /// How many connections streams and blocking queries may hold together: four fifths, and [`RESERVED_FOR_SHORT`](Self::RESERVED_FOR_SHORT) fewer
    /// than there are at most; one at least.
    #[must_use]
    pub const fn long_lived(&self) -> usize {
        let fifths = self.connections - self.connections.div_ceil(5);
        let rest = self.connections.saturating_sub(Self::RESERVED_FOR_SHORT);
        let most = if fifths < rest { fifths } else { rest };
        if most == 0 { 1 } else { most }
    }

    /// How many connections bodies may hold that are still coming from their callers: what streams and short calls leave,
    /// one at least. Whoever sends slowly keeps nobody waiting but others who send much.
    #[must_use]
    pub const fn uploads(&self) -> usize {
        let rest = self.connections.saturating_sub(self.long_lived() + Self::RESERVED_FOR_SHORT);
        if rest == 0 { 1 } else { rest }
    }
}

/// How long a request will hold its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a new one must show every match that has to learn it")]
pub enum Lease {
    /// Not long: until an answer of one piece has been sent.
    Short,
    /// As long as the caller takes to send a large body.
    Upload,
    /// Until something changes, for minutes at most.
    Blocking,
    /// Until the caller has enough.
    Stream,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_get_four_fifths_and_short_calls_eight_at_least() {
        for (connections, long_lived, uploads) in [
            (1, 1, 1),
            (2, 1, 1),
            (8, 1, 1),
            (9, 1, 1),
            (10, 2, 1),
            (39, 31, 1),
            (40, 32, 1),
            (60, 48, 4),
            (88, 70, 10),
            (2_000, 1_600, 392),
        ] {
            let budget = ConnectionLimits { connections, ..ConnectionLimits::default() };
            assert_eq!((budget.long_lived(), budget.uploads()), (long_lived, uploads));
        }
    }
}
