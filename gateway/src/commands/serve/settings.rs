//! What `serve` is told: files, the environment over them, flags over both; then the whole is checked once.

mod check;

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use nomad_forward::Transport;
use nomad_wire::{NodeId, SecretId};
use tracing::level_filters::LevelFilter;

use crate::{
    commands::cli::ServeArgs,
    config::{self, ConfigError, ConfigNode, ConfigValue, SourceLocation},
    proxy::{client_address::TrustedProxies, cors::Origins, rewrite::HttpAddrMode},
    server::tls::{ClientTls, ServerTls},
};

/// What `serve` is told, checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServeSettings {
    /// Where the gateway listens; at least one address.
    pub listen: Vec<SocketAddr>,
    /// The region that callers mean who name none; without it that of the servers that answer.
    pub region: Option<String>,
    /// The gateway's own token.
    pub token: Option<SecretId>,
    /// Servers to begin with.
    pub addresses: Vec<AgentAddress>,
    /// Servers by name, believed.
    pub servers: Vec<(String, AgentAddress)>,
    /// Where servers register, if they do.
    pub consul: Option<ConsulSettings>,
    /// Nodes, believed.
    pub nodes: Vec<NodeSettings>,
    /// The HTTP port of servers whose address nobody tells.
    pub http_port: u16,
    /// Who decides about calls.
    pub acl: AclSettings,
    /// What becomes of the address of a node in answers about it.
    pub rewrite_http_addr: HttpAddrMode,
    /// The origins whose pages may read answers; without them what agents say passes.
    pub origins: Option<Origins>,
    /// Connections that one agent gets at most.
    pub connections_per_agent: usize,
    /// Equal blocking queries share one request.
    pub coalesce_blocking_queries: bool,
    /// Connections that one caller's address gets at most at each address of the gateway; any number if 0.
    pub connections_per_client: usize,
    /// The proxies that are believed whom they forward for.
    pub trusted_proxies: TrustedProxies,
    /// Every connection begins with a PROXY header.
    pub proxy_protocol: bool,
    /// How long a TLS handshake with a caller may take, if something else is wanted than usual.
    pub handshake_timeout: Option<Duration>,
    /// Callers who may not are told which capability is missing.
    pub tell_denied: bool,
    /// With which files callers are spoken to over TLS, if they are.
    pub tls: Option<ServerTls>,
    /// With which files agents are spoken to over TLS, where they want it.
    pub agent_tls: Option<ClientTls>,
    /// Where a line for every request goes: a file, or `-` for standard output.
    pub access_log: Option<PathBuf>,
    /// How long answers that have begun may go on after the signal.
    pub drain: Duration,
    /// Threads that serve callers.
    pub worker_threads: usize,
    /// The least severe level that is logged.
    pub log_level: LevelFilter,
}

/// On which days certificates must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValidityCheck {
    Skip,
    Today,
}

/// `acl { … }`
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AclSettings {
    /// Whether tokens are looked at. A cluster without ACLs is found out by itself.
    pub enabled: bool,
    /// Who decides.
    pub mode: AclMode,
    /// How long what was found out about a token holds.
    pub token_ttl: Duration,
}

/// `consul { … }`: where Nomad's servers register their HTTP addresses.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConsulSettings {
    /// Where the HTTP API of a Consul agent listens.
    pub address: AgentAddress,
    /// What it is asked with.
    pub token: Option<SecretId>,
    /// The service as which servers register.
    pub service: String,
}

/// Who decides about calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the gateway decides, or it does not")]
pub enum AclMode {
    /// The gateway, and then the agent again.
    Enforce,
    /// The agents alone.
    Defer,
}

/// A node that is written into the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeSettings {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: NodeId,
    /// Where its HTTP API listens.
    pub address: AgentAddress,
}

/// Where an agent's HTTP API listens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgentAddress {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What is spoken there.
    pub transport: Transport,
}

/// Why a text is no address of an agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgentAddressError {
    /// It is no URL.
    #[error("must be an address such as \"http://10.0.0.1:4646\"")]
    NotAUrl,
    /// A socket of the file system.
    #[error("unix:// is not supported: agents are reached over the network")]
    UnixSocket,
}

impl FromStr for AgentAddress {
    type Err = AgentAddressError;

    fn from_str(text: &str) -> Result<Self, AgentAddressError> {
        if text.starts_with("unix:") {
            return Err(AgentAddressError::UnixSocket);
        }
        let uri: http::Uri = text.parse().map_err(|_| AgentAddressError::NotAUrl)?;
        let (transport, port) = match uri.scheme_str() {
            Some("https") => (Transport::Tls, 443),
            Some("http") => (Transport::Plain, 80),
            _ => return Err(AgentAddressError::NotAUrl),
        };
        let authority = uri.authority().ok_or(AgentAddressError::NotAUrl)?;
        let host = authority.host().trim_matches(['[', ']']);
        if host.is_empty() || !matches!(uri.path(), "" | "/") {
            return Err(AgentAddressError::NotAUrl);
        }
        let port = authority.port_u16().unwrap_or(port);
        Ok(Self { host: host.to_owned(), port, transport })
    }
}

impl fmt::Display for AgentAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.transport == Transport::Tls { "https" } else { "http" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl ServeSettings {
    /// Reads the file that the arguments name, puts the arguments over it, and checks the whole. A certificate that has
    /// ended is no fault: the gateway serves with it, and callers decide.
    ///
    /// # Errors
    /// [`ConfigError`]; of faults it holds every one.
    pub fn load(args: &ServeArgs) -> Result<Self, ConfigError> {
        Self::read(args, ValidityCheck::Skip)
    }

    /// The same, and a certificate that does not hold today is a fault as well.
    ///
    /// # Errors
    /// [`ConfigError`]; of faults it holds every one.
    pub fn load_for_check(args: &ServeArgs) -> Result<Self, ConfigError> {
        Self::read(args, ValidityCheck::Today)
    }

    fn read(args: &ServeArgs, dates: ValidityCheck) -> Result<Self, ConfigError> {
        let mut whole = match &args.config {
            Some(path) => config::read_file(path)?,
            None => ConfigNode::empty_table(SourceLocation::from_source("configuration")),
        };
        apply_flags(&mut whole, args);
        check::validate(&whole, dates).map_err(ConfigError::Invalid)
    }
}

/// Puts flags, which are the environment where a flag was not given, over what the file says.
fn apply_flags(whole: &mut ConfigNode, args: &ServeArgs) {
    let mut put = |flag: &str, path: &[&str], text: Option<String>| {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            whole.set(
                path,
                ConfigNode {
                    location: SourceLocation::from_source(flag),
                    value: ConfigValue::String(text),
                },
            );
        }
    };
    put("--address", &["nomad", "address"], args.address.clone());
    put("--token", &["nomad", "token"], args.token.clone());
    put("--region", &["region"], args.region.clone());
    put("--log-level", &["log_level"], args.log_level.clone());
    let listen = args.listen.as_ref();
    put("--listen", &["addresses", "http"], listen.map(|listen| listen.ip().to_string()));
    put("--listen", &["ports", "http"], listen.map(|listen| listen.port().to_string()));
    put("--ca-cert", &["nomad", "tls", "ca_file"], args.ca_cert.clone());
    put("--ca-path", &["nomad", "tls", "ca_path"], args.ca_path.clone());
    put("--client-cert", &["nomad", "tls", "cert_file"], args.client_cert.clone());
    put("--client-key", &["nomad", "tls", "key_file"], args.client_key.clone());
    put("--tls-server-name", &["nomad", "tls", "tls_server_name"], args.tls_server_name.clone());
    let threads = args.worker_threads.as_ref();
    put("--worker-threads", &["worker_threads"], threads.map(ToString::to_string));
    put("--access-log", &["access_log"], args.access_log.clone());
    if !args.trusted_proxies.is_empty() {
        let location = SourceLocation::from_source("--trusted-proxy");
        let text = |text: &String| ConfigNode {
            location: location.clone(),
            value: ConfigValue::String(text.clone()),
        };
        let value = ConfigValue::List(args.trusted_proxies.iter().map(text).collect());
        whole.set(&["trusted_proxies"], ConfigNode { location: location.clone(), value });
    }
    if let Some(text) = args.tls_skip_verify.clone().filter(|text| !text.is_empty()) {
        let value = parse_bool(&text).map_or(ConfigValue::String(text), ConfigValue::Bool);
        let place = SourceLocation::from_source("--tls-skip-verify");
        whole.set(&["nomad", "tls", "skip_verify"], ConfigNode { location: place, value });
    }
}

/// The spellings that Nomad's command line takes.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_command_line_writes_them() {
        let read = |text: &str| text.parse::<AgentAddress>().map(|address| address.to_string());
        assert_eq!(read("http://nomad.example:4646").unwrap(), "http://nomad.example:4646");
        assert_eq!(read("http://[::1]:4646/").unwrap(), "http://[::1]:4646");
        assert_eq!(read("http://10.0.0.1").unwrap(), "http://10.0.0.1:80");
        assert_eq!(read("https://10.0.0.1").unwrap(), "https://10.0.0.1:443");
        assert_eq!(read("unix:///run/nomad.sock").unwrap_err(), AgentAddressError::UnixSocket);
        for text in ["", "10.0.0.1:4646", "http://", "http://a/ui", "ftp://a"] {
            assert_eq!(read(text).unwrap_err(), AgentAddressError::NotAUrl, "{text}");
        }
    }
}
