//! The configuration of an agent.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf};

use http::HeaderMap;
use nomad_wire::{agent, query::LogLevel};
use serde_json::Value;

use crate::{role::Role, schedulers::SchedulerConfig};

/// The version of Nomad whose API this agent speaks.
pub const NOMAD_VERSION: &str = "2.0.5";

/// Marks the version of this agent as its own: `2.0.5+reference`.
pub const VERSION_METADATA: &str = "reference";

/// The configuration of an agent.
///
/// The addresses are those at which others reach the agent. The agent opens no HTTP socket itself: the program that
/// serves it listens, and gives the address here.
///
/// ```
/// use nomad_agent::{AgentConfig, Role};
///
/// let config = AgentConfig { enable_debug: true, ..AgentConfig::new("client1", Role::Client) };
/// assert_eq!((config.region.as_str(), config.http.port()), ("global", 4646));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain struct, filled with `..AgentConfig::new()`")]
pub struct AgentConfig {
    /// Name of the node, without region.
    pub name: String,
    /// Region; default `global`.
    pub region: String,
    /// Datacenter; default `dc1`.
    pub datacenter: String,
    /// Server, client or both.
    pub role: Role,
    /// Address of the HTTP API.
    pub http: SocketAddr,
    /// Address for the RPC of servers. This agent opens no socket there, but others show and compare the address.
    pub rpc: SocketAddr,
    /// Address for gossip; shown as the address of the member.
    pub serf: SocketAddr,
    /// Where ids and state are persisted. Without it every start makes new ones.
    pub data_dir: Option<PathBuf>,
    /// Directory of the allocations; default `alloc` below the data directory.
    pub alloc_dir: Option<PathBuf>,
    /// Metadata of the node; clients of the API may change it at run time.
    pub meta: BTreeMap<String, String>,
    /// Denies commands in tasks (`exec`) to every client, whatever its capabilities.
    pub disable_remote_exec: bool,
    /// Opens `/v1/agent/host` and `/v1/agent/pprof` to every client while ACLs are disabled.
    pub enable_debug: bool,
    /// Whether tokens are required. Only shown, and used by the debug rule: requests are authorized before they
    /// reach the agent.
    pub acl_enabled: bool,
    /// The least severe level written to the log sink and the log file at start; monitors have a level of their
    /// own.
    pub log_level: LogLevel,
    /// Where log lines are appended, also the source of `/v1/agent/monitor/export`. The file is not rotated.
    pub log_file: Option<PathBuf>,
    /// Writes the log file as JSON.
    pub log_json: bool,
    /// Number of scheduler workers a server starts with, and their evaluation types.
    pub schedulers: SchedulerConfig,
    /// Headers added to every response of a call, unless the call sets them itself.
    pub response_headers: HeaderMap,
    /// External settings: those of the program that serves the agent, shown by `self`.
    pub external_settings: ExternalSettings,
}

/// Settings that `GET /v1/agent/self` shows under Nomad's names and that the agent itself does not have: those of
/// its listener, for example. Redacted as in Nomad; `Debug` shows the names only.
///
/// ```
/// use nomad_agent::ExternalSettings;
///
/// let shown = ExternalSettings::default().with(&["TLSConfig", "EnableHTTP"], true);
/// assert_eq!(format!("{shown:?}"), r#"{["TLSConfig", "EnableHTTP"]}"#);
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ExternalSettings(Vec<(&'static [&'static str], Value)>);

impl ExternalSettings {
    /// Shows this value at a path of keys.
    #[must_use]
    pub fn with(mut self, path: &'static [&'static str], value: impl Into<Value>) -> Self {
        self.0.push((path, value.into()));
        self
    }

    /// Overlays these settings on a configuration that is about to be shown.
    pub(crate) fn apply_to(&self, config: agent::AgentConfig) -> agent::AgentConfig {
        self.0.iter().fold(config, |config, (path, value)| config.with_value(path, value.clone()))
    }
}

impl fmt::Debug for ExternalSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(path, _)| path)).finish()
    }
}

impl AgentConfig {
    /// An agent with Nomad's defaults: region `global`, datacenter `dc1`, ports 4646 to 4648 on the loopback
    /// address, ACLs and debug off, log level `INFO`, nothing persisted.
    #[must_use]
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            name: name.into(),
            region: "global".to_owned(),
            datacenter: "dc1".to_owned(),
            role,
            http: local(4646),
            rpc: local(4647),
            serf: local(4648),
            data_dir: None,
            alloc_dir: None,
            meta: BTreeMap::new(),
            disable_remote_exec: false,
            enable_debug: false,
            acl_enabled: false,
            log_level: LogLevel::Info,
            log_file: None,
            log_json: false,
            schedulers: SchedulerConfig::default(),
            response_headers: HeaderMap::new(),
            external_settings: ExternalSettings::default(),
        }
    }

    /// The name among servers: `name.region`.
    #[must_use]
    pub fn serf_name(&self) -> String {
        format!("{}.{}", self.name, self.region)
    }
}
