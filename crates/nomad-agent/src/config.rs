//! What an agent is told before it starts.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf};

use http::HeaderMap;
use nomad_wire::{agent, query::LogLevel};
use serde_json::Value;

use crate::{role::Role, schedulers::SchedulerConfig};

/// The version of Nomad whose API this agent speaks.
pub const NOMAD_VERSION: &str = "2.0.5";

/// What marks the version of this agent as its own: `2.0.5+reference`.
pub const VERSION_METADATA: &str = "reference";

/// How an agent is set up.
///
/// The addresses are those that others reach it at. The agent opens no socket itself: whoever
/// serves it listens, and says here where.
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
    /// Region; `global` unless said otherwise.
    pub region: String,
    /// Datacenter; `dc1` unless said otherwise.
    pub datacenter: String,
    /// Server, client or both.
    pub role: Role,
    /// Where the HTTP API is reached.
    pub http: SocketAddr,
    /// Where servers take RPC. This agent serves none, but others show and compare the address.
    pub rpc: SocketAddr,
    /// Where servers gossip; shown as the address of the member.
    pub serf: SocketAddr,
    /// Where ids are kept over restarts. Without it every start makes new ones.
    pub data_dir: Option<PathBuf>,
    /// Where allocations live; `alloc` below the data directory unless said otherwise.
    pub alloc_dir: Option<PathBuf>,
    /// Metadata of the node, which callers may change on top of it.
    pub meta: BTreeMap<String, String>,
    /// Refuses commands in tasks (`exec`) to everybody, whatever their rights.
    pub disable_remote_exec: bool,
    /// Opens `/v1/agent/host` and `/v1/agent/pprof` to everybody while ACLs are off.
    pub enable_debug: bool,
    /// Whether tokens are demanded. Only shown and used for the debug rule: who may do what is
    /// decided before a question reaches the agent.
    pub acl_enabled: bool,
    /// The least severe level that the agent writes to its outlet and its log file when it starts;
    /// monitors have their own.
    pub log_level: LogLevel,
    /// Where the agent's log lines are appended, also for `/v1/agent/monitor/export`. The file is
    /// not rotated.
    pub log_file: Option<PathBuf>,
    /// Lines of the log file as JSON.
    pub log_json: bool,
    /// How many scheduler workers a server starts with, and for which evaluations.
    pub schedulers: SchedulerConfig,
    /// Headers that every answer to a call carries, unless the call sets them itself.
    pub response_headers: HeaderMap,
    /// What `self` shows of settings that whoever serves the agent has and the agent itself does not.
    pub external_settings: ExternalSettings,
}

/// Settings that `GET /v1/agent/self` shows under Nomad's names, and that mean nothing to the agent: those of its
/// listener, say. What Nomad redacts is redacted here too; `Debug` shows the names alone.
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

    /// Puts everything over a configuration that is about to be shown.
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
    /// An agent with Nomad's defaults: region `global`, datacenter `dc1`, ports 4646 to 4648 on
    /// the loopback address, ACLs and debug off, log level `INFO`, nothing kept on disk.
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
