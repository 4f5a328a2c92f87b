//! The configuration of a lone agent: what was written becomes what is true, or a list of every fault in it.
//!
//! Files are HCL or JSON with Nomad's own key names. A later file counts over an earlier one, the environment over
//! files, and flags over everything; each is put over the last key by key, and then the whole is checked once.

mod allocation;
mod api;
mod check;
mod external_settings;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use nomad_agent::{AgentConfig, GossipKey};

pub use self::{allocation::AllocationSettings, api::ApiSettings};
pub use crate::config::{ConfigError, Diagnostic};
use crate::{
    commands::cli::AgentArgs,
    config::{ConfigNode, ConfigValue, SourceLocation, parse},
};

/// What a lone agent is told, checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The agent itself. Its addresses are those that others use; port 0 stands for any free one.
    pub agent: AgentConfig,
    /// Where its listeners listen.
    pub bind: Bind,
    /// Addresses that others use, where they are not those of `bind`.
    pub advertise: Advertise,
    /// Servers to join, and how.
    pub retry_join: RetryJoin,
    /// What gossip is encrypted with.
    pub encrypt: Option<GossipKey>,
    /// RPC addresses of servers for a client that is no server.
    pub servers: Vec<String>,
    /// Options of the client, which are read and shown by nobody yet.
    pub options: BTreeMap<String, String>,
    /// How the HTTP API is served.
    pub api: ApiSettings,
    /// The table of tokens and policies; none where ACLs are off.
    pub tokens: Option<PathBuf>,
    /// Say goodbye to other servers on SIGINT.
    pub leave_on_interrupt: bool,
    /// Say goodbye to other servers on SIGTERM.
    pub leave_on_terminate: bool,
    /// What the client part runs.
    pub allocations: Vec<AllocationSettings>,
}

/// Where listeners listen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bind {
    /// The HTTP API, on one address or several; others are told the first.
    pub http: Vec<SocketAddr>,
    /// What a server answers its peers.
    pub rpc: SocketAddr,
    /// Gossip, UDP and TCP.
    pub serf: SocketAddr,
}

/// Addresses for others; the port is that of the listener unless one is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Advertise {
    /// The HTTP API.
    pub http: Option<(IpAddr, Option<u16>)>,
    /// What a server answers its peers.
    pub rpc: Option<(IpAddr, Option<u16>)>,
    /// Gossip.
    pub serf: Option<(IpAddr, Option<u16>)>,
}

/// Servers to join until it succeeds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryJoin {
    /// Their gossip addresses; none to join nobody.
    pub addresses: Vec<String>,
    /// The longest pause between two attempts.
    pub interval: Duration,
    /// Give up after so many attempts; never if 0.
    pub attempts: u32,
}

impl Settings {
    /// Reads the files that the arguments name, puts the arguments over them, and checks the whole.
    ///
    /// # Errors
    /// [`ConfigError`]; of faults it holds every one.
    pub fn load(args: &AgentArgs) -> Result<Self, ConfigError> {
        let mut whole = ConfigNode::empty_table(SourceLocation::from_source("configuration"));
        let mut faults = Vec::new();
        for path in &args.config {
            let failed = |source| ConfigError::Read { path: path.clone(), source };
            let text = std::fs::read_to_string(path).map_err(failed)?;
            match parse(path, &text) {
                Ok(node) => whole.merge(node),
                Err(found) => faults.extend(found),
            }
        }
        apply_flags(&mut whole, args);
        // A file that cannot be read as a whole would only bring faults that are none.
        let checked = if faults.is_empty() { check::validate(&whole) } else { Err(Vec::new()) };
        checked.map_err(|found| {
            faults.extend(found);
            // In the order of the text, file by file.
            faults.sort_by(|a, b| a.location.cmp(&b.location));
            ConfigError::Invalid(faults)
        })
    }
}

/// Puts flags, which are the environment where a flag was not given, over what files say.
fn apply_flags(whole: &mut ConfigNode, args: &AgentArgs) {
    let mut put = |flag: &str, path: &[&str], value: Option<ConfigValue>| {
        if let Some(value) = value {
            whole.set(path, ConfigNode { location: SourceLocation::from_source(flag), value });
        }
    };
    let text = |text: &Option<String>| text.clone().map(ConfigValue::String);
    let texts = |flag: &str, texts: &[String]| {
        let item = |text: &String| ConfigNode {
            location: SourceLocation::from_source(flag),
            value: ConfigValue::String(text.clone()),
        };
        (!texts.is_empty()).then(|| ConfigValue::List(texts.iter().map(item).collect()))
    };
    let port = |port: Option<u16>| port.map(|port| ConfigValue::Number(port.to_string()));
    put("--name", &["name"], text(&args.name));
    put("--region", &["region"], text(&args.region));
    put("--datacenter", &["datacenter"], text(&args.datacenter));
    let data_dir = args.data_dir.as_ref().map(|dir| dir.to_string_lossy().into_owned());
    put("--data-dir", &["data_dir"], text(&data_dir));
    put("--bind", &["bind_addr"], text(&args.bind.map(|bind| bind.to_string())));
    put("--http-port", &["ports", "http"], port(args.http_port));
    put("--rpc-port", &["ports", "rpc"], port(args.rpc_port));
    put("--serf-port", &["ports", "serf"], port(args.serf_port));
    put("--log-level", &["log_level"], text(&args.log_level));
    put("--server", &["server", "enabled"], args.server.then_some(ConfigValue::Bool(true)));
    put("--client", &["client", "enabled"], args.client.then_some(ConfigValue::Bool(true)));
    let key = args.encrypt.as_ref().map(|key| ConfigValue::String(key.expose().to_owned()));
    put("--encrypt", &["server", "encrypt"], key);
    put("--join", &["server", "retry_join"], texts("--join", &args.join));
    put("--servers", &["client", "servers"], texts("--servers", &args.servers));
}
