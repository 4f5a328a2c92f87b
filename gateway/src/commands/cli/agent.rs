//! `nomad-gateway agent`

use std::{net::IpAddr, path::PathBuf};

use clap::Args;
use nomad_wire::SecretId;

/// One reference agent on its own. Flags count over the environment, and that over the files.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::exhaustive_structs, reason = "a plain struct, filled by the command line")]
pub struct AgentArgs {
    /// Configuration file, HCL or (if its name ends in .json) JSON; several are put over each other in this order
    #[arg(long, value_name = "FILE", env = "NOMAD_AGENT_CONFIG", value_delimiter = ',')]
    pub config: Vec<PathBuf>,
    /// Name of the node; the host's name unless said otherwise
    #[arg(long, visible_alias = "node", env = "NOMAD_AGENT_NAME")]
    pub name: Option<String>,
    /// Region [default: global]
    #[arg(long, env = "NOMAD_AGENT_REGION")]
    pub region: Option<String>,
    /// Datacenter [default: dc1]
    #[arg(long, visible_alias = "dc", env = "NOMAD_AGENT_DATACENTER")]
    pub datacenter: Option<String>,
    /// Where the agent keeps ids, allocations and keys
    #[arg(long, value_name = "DIR", env = "NOMAD_AGENT_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address that everything listens on [default: 127.0.0.1]
    #[arg(long, value_name = "IP", env = "NOMAD_AGENT_BIND")]
    pub bind: Option<IpAddr>,
    /// Port of the HTTP API, 0 for any [default: 4646]
    #[arg(long, value_name = "PORT", env = "NOMAD_AGENT_HTTP_PORT")]
    pub http_port: Option<u16>,
    /// Port where a server answers clients and pings, 0 for any [default: 4647]
    #[arg(long, value_name = "PORT", env = "NOMAD_AGENT_RPC_PORT")]
    pub rpc_port: Option<u16>,
    /// Port where a server gossips, 0 for any [default: 4648]
    #[arg(long, value_name = "PORT", env = "NOMAD_AGENT_SERF_PORT")]
    pub serf_port: Option<u16>,
    /// Be a server
    #[arg(long, env = "NOMAD_AGENT_SERVER")]
    pub server: bool,
    /// Be a client
    #[arg(long, env = "NOMAD_AGENT_CLIENT")]
    pub client: bool,
    /// Gossip address of a server to join, tried until it answers; may be repeated
    #[arg(
        long,
        visible_alias = "retry-join",
        value_name = "ADDR",
        env = "NOMAD_AGENT_JOIN",
        value_delimiter = ','
    )]
    pub join: Vec<String>,
    /// RPC address of a server for a client; may be repeated
    #[arg(long, value_name = "ADDR", env = "NOMAD_AGENT_SERVERS", value_delimiter = ',')]
    pub servers: Vec<String>,
    /// Key that gossip is encrypted with: 16, 24 or 32 bytes in base64; better in the environment or a file
    #[arg(long, value_name = "KEY", env = "NOMAD_AGENT_ENCRYPT", hide_env_values = true, value_parser = secret)]
    pub encrypt: Option<SecretId>,
    /// Least severe level of log lines: trace, debug, info, warn, error, off [default: info]
    #[arg(long, value_name = "LEVEL", env = "NOMAD_AGENT_LOG_LEVEL")]
    pub log_level: Option<String>,
}

/// Whether it is a key is checked with the rest of the configuration.
fn secret(text: &str) -> Result<SecretId, std::convert::Infallible> {
    Ok(SecretId::new(text))
}
