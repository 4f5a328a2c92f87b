//! How large the fleet is, and where it lives.

use std::{fmt, path::PathBuf, sync::Arc};

use nomad_agent::{LogSink, Role};
use nomad_wire::query::LogLevel;

use super::FleetTokens;

/// What a fleet is made of.
#[derive(Clone)]
pub struct FleetOptions {
    /// How many server agents: `server1` and on.
    pub servers: u16,
    /// How many client agents: `client1` and on. The first runs the demo allocation.
    pub clients: u16,
    /// Where each agent keeps its data, in a directory of its own name.
    pub data_dir: PathBuf,
    /// The least severe level that agents write to `outlet`.
    pub log_level: LogLevel,
    /// Where the agents' log lines go, beside monitors.
    pub log_sink: Option<Arc<dyn LogSink>>,
    /// Who may do what at every agent.
    pub tokens: FleetTokens,
}

impl FleetOptions {
    /// Three servers and two clients in a directory, ACLs off; their logs are seen by monitors only.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            servers: 3,
            clients: 2,
            data_dir: data_dir.into(),
            log_level: LogLevel::Warn,
            log_sink: None,
            tokens: FleetTokens::Disabled,
        }
    }

    /// The agents by name, servers first.
    pub(super) fn agent_names(&self) -> impl Iterator<Item = (String, Role)> + use<> {
        let servers = (1..=self.servers).map(|number| (format!("server{number}"), Role::Server));
        let clients = (1..=self.clients).map(|number| (format!("client{number}"), Role::Client));
        servers.chain(clients)
    }
}

impl fmt::Debug for FleetOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetOptions")
            .field("servers", &self.servers)
            .field("clients", &self.clients)
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}
