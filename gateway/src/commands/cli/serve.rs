//! The arguments of `serve` and `check`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

/// The gateway in front of real agents.
#[derive(Clone, Args)]
pub struct ServeArgs {
    /// Configuration in HCL, or in JSON when its name ends in `.json`
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address that the gateway listens on [default: 127.0.0.1:4646]; several can be written into the configuration
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// A server to begin with; the others are found
    #[arg(long, env = "NOMAD_ADDR", value_name = "URL")]
    pub address: Option<String>,
    /// The gateway's own token, for finding servers, nodes and allocations
    #[arg(long, env = "NOMAD_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The region that callers mean who name none
    #[arg(long, env = "NOMAD_REGION", value_name = "REGION")]
    pub region: Option<String>,
    /// Least severe level of the log lines on standard error [default: warn]
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Who signs the agents' certificates (PEM), where they speak TLS
    #[arg(long, env = "NOMAD_CACERT", value_name = "FILE")]
    pub ca_cert: Option<String>,
    /// A folder with certificates of those who sign (PEM); --ca-cert counts over it, and without both the system's own are
    /// trusted
    #[arg(long, env = "NOMAD_CAPATH", value_name = "DIR")]
    pub ca_path: Option<String>,
    /// Do not verify agents: anybody may answer in their place and read every token
    #[arg(long, env = "NOMAD_SKIP_VERIFY", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub tls_skip_verify: Option<String>,
    /// The gateway's own certificate for agents (PEM), where they demand one
    #[arg(long, env = "NOMAD_CLIENT_CERT", value_name = "FILE")]
    pub client_cert: Option<String>,
    /// The key of --client-cert (PEM)
    #[arg(long, env = "NOMAD_CLIENT_KEY", value_name = "FILE")]
    pub client_key: Option<String>,
    /// The name that servers' certificates have [default: server.REGION.nomad; clients' is client.REGION.nomad]
    #[arg(long, env = "NOMAD_TLS_SERVER_NAME", value_name = "NAME")]
    pub tls_server_name: Option<String>,
    /// Threads that serve callers [default: as many as the machine runs at once]
    #[arg(long, value_name = "N")]
    pub worker_threads: Option<usize>,
    /// Write a JSON line for every request to this file, or to standard output for `-`
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<String>,
    /// A proxy, or a network of proxies, that is believed whom it forwards for (X-Forwarded-For, Forwarded, PROXY protocol); may be
    /// repeated
    #[arg(long = "trusted-proxy", value_name = "CIDR")]
    pub trusted_proxies: Vec<String>,
}

/// A look at the configuration, and at the cluster that it names.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// What `serve` would be told
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Ask the servers as well, with the gateway's own token, and fail where they do not answer or refuse it
    #[arg(long)]
    pub live: bool,
}

impl std::fmt::Debug for ServeArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the token.
        f.debug_struct("ServeArgs")
            .field("config", &self.config)
            .field("listen", &self.listen)
            .field("address", &self.address)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}
