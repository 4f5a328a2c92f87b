//! The command line.

mod acl;
mod agent;
mod serve;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use nomad_wire::query::LogLevel;

pub use self::{
    acl::{AclCommand, ExplainArgs, LintArgs},
    agent::AgentArgs,
    serve::ServeArgs,
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
    Check(ServeArgs),
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
    /// Least severe level of the log lines on standard error; `/v1/agent/monitor` has its own
    #[arg(long, default_value = "warn", value_name = "LEVEL")]
    pub log_level: Level,
}

/// A log level by the names that Nomad uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(clippy::exhaustive_enums, reason = "the levels of Nomad's logger")]
pub enum Level {
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

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
            Level::Off => Self::Off,
        }
    }
}

impl From<Level> for tracing::level_filters::LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::TRACE,
            Level::Debug => Self::DEBUG,
            Level::Info => Self::INFO,
            Level::Warn => Self::WARN,
            Level::Error => Self::ERROR,
            Level::Off => Self::OFF,
        }
    }
}
