//! The roles of an agent.

/// The parts of Nomad that an agent runs; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "an agent is a server, a client, or both")]
pub enum Role {
    /// Knows its fellow servers and serves cluster-wide calls.
    Server,
    /// Runs allocations and reports on its host.
    Client,
    /// Both, as with `nomad agent -dev`.
    Both,
}

impl Role {
    /// Whether there is a server part.
    #[must_use]
    pub const fn is_server(self) -> bool {
        matches!(self, Self::Server | Self::Both)
    }

    /// Whether there is a client part.
    #[must_use]
    pub const fn is_client(self) -> bool {
        matches!(self, Self::Client | Self::Both)
    }
}
