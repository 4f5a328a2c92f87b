//! The command line.

mod acl;
mod agent;
mod serve;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use nomad_wire::query::LogLevel;

pub use self::{
    acl::{AclCommand, ExplainArgs, LintArgs},
    agent::AgentArgs,
    serve::{CheckArgs, ServeArgs},
};

/// One address in front of a fleet of Nomad agents.
#[derive(Debug, Parser)]
#[command(name = "nomad-gateway", version, about, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
#[expect(clippy::exhaustive_enums, reason = "a new command must be run by the program")]
pub enum Command {
    /// Start a fleet of reference agents on loopback ports and the gateway in front of it; needs no Nomad
    Dev(DevArgs),
    /// Run one reference agent: a server, a client, or both
    Agent(Box<AgentArgs>),
    /// Serve as the gateway in front of real agents
    Serve(ServeArgs),
    /// Check a configuration of `serve` and report every fault with file, line and column
    Check(CheckArgs),
    /// Ask ACL policies: what they allow and why, and what is wrong with them
    #[command(subcommand)]
    Acl(AclCommand),
}

/// The fleet and the gateway of `dev`.
#[derive(Debug, Clone, Args)]
pub struct DevArgs {
    /// Address that the gateway listens on
    #[arg(long, default_value = "127.0.0.1:4646", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// How many server agents
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=32))]
    pub servers: u16,
    /// How many client agents; the first one runs the demo allocation
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=128))]
    pub clients: u16,
    /// Where the agents keep their data; without it a temporary directory that is removed at the end
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Switch ACLs on and print a management token and a read-only one
    #[arg(long)]
    pub acl: bool,
    /// Tell callers who may not which capability is missing, in the header X-Nomad-Gateway-Denied
    #[arg(long, requires = "acl")]
    pub tell_denied: bool,
    /// Speak TLS with callers, with this certificate (PEM); it is read again on SIGHUP and when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of --tls-cert (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Callers may show a certificate that one of these authorities signed (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_ca: Option<PathBuf>,
    /// Callers must show one
    #[arg(long, requires = "tls_ca")]
    pub verify_https_client: bool,
    /// Write a JSON line for every request to this file, or to standard output for `-`
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,
    /// Seconds that answers which have begun may go on after Ctrl-C or SIGTERM; a second signal ends them at once
    #[arg(long, default_value = "0.2", value_name = "SECONDS", value_parser = seconds)]
    pub drain: Duration,
    /// Least severe level of the log lines on standard error; `/v1/agent/monitor` has its own
    #[arg(long, default_value = "warn", value_name = "LEVEL")]
    pub log_level: LogLevelArg,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "a number of seconds is needed".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// A log level by the names that Nomad uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(clippy::exhaustive_enums, reason = "the levels of Nomad's logger")]
pub enum LogLevelArg {
    /// Everything
    Trace,
    /// Every request
    Debug,
    /// What starts and stops
    Info,
    /// What is wrong
    Warn,
    /// What fails
    Error,
    /// Nothing
    Off,
}

impl From<LogLevelArg> for LogLevel {
    fn from(level: LogLevelArg) -> Self {
        match level {
            LogLevelArg::Trace => Self::Trace,
            LogLevelArg::Debug => Self::Debug,
            LogLevelArg::Info => Self::Info,
            LogLevelArg::Warn => Self::Warn,
            LogLevelArg::Error => Self::Error,
            LogLevelArg::Off => Self::Off,
        }
    }
}

impl From<LogLevelArg> for tracing::level_filters::LevelFilter {
    fn from(level: LogLevelArg) -> Self {
        match level {
            LogLevelArg::Trace => Self::TRACE,
            LogLevelArg::Debug => Self::DEBUG,
            LogLevelArg::Info => Self::INFO,
            LogLevelArg::Warn => Self::WARN,
            LogLevelArg::Error => Self::ERROR,
            LogLevelArg::Off => Self::OFF,
        }
    }
}
