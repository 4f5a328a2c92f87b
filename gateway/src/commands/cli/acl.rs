//! `nomad-gateway acl …`

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What can be asked of ACL policies.
#[derive(Debug, Subcommand)]
#[expect(clippy::exhaustive_enums, reason = "a new command must be run by the program")]
pub enum AclCommand {
    /// Say whether a call or a capability is allowed, by which rule, and what to add if it is not
    ///
    /// Exits with 0 when it is allowed, 1 when it is denied, 3 when only a server can decide.
    Explain(ExplainArgs),
    /// Check policy files as strictly as a server does when a policy is written
    ///
    /// Exits with 0 when no file has an error, 1 when one has.
    Lint(LintArgs),
}

/// What is explained.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nomad-gateway acl explain --policy dev.hcl GET /v1/agent/self
  nomad-gateway acl explain --policy dev.hcl --namespace web --capability read-logs
  NOMAD_TOKEN=… nomad-gateway acl explain --address http://127.0.0.1:4646 GET /v1/client/stats")]
pub struct ExplainArgs {
    /// A policy file, HCL or JSON; may be repeated
    #[arg(
        long = "policy",
        value_name = "FILE",
        conflicts_with = "address",
        required_unless_present = "address"
    )]
    pub policies: Vec<PathBuf>,
    /// A Nomad server or gateway: explains with the policies of the token in NOMAD_TOKEN
    #[arg(long, env = "NOMAD_ADDR", value_name = "URL")]
    pub address: Option<String>,
    /// Method of the call
    #[arg(
        requires = "path",
        conflicts_with = "capability",
        required_unless_present = "capability"
    )]
    pub method: Option<String>,
    /// Path of the call, query allowed
    pub path: Option<String>,
    /// A capability instead of a call: `read-logs`, `node:write`, `agent:read`, `management`
    #[arg(long, value_name = "RIGHT")]
    pub capability: Option<String>,
    /// The namespace that the call or capability is about; for an allocation call its own
    #[arg(long, env = "NOMAD_NAMESPACE", value_name = "NAME")]
    pub namespace: Option<String>,
    /// The node pool that it is about
    #[arg(long, value_name = "NAME", conflicts_with = "namespace")]
    pub node_pool: Option<String>,
    /// The host volume that it is about
    #[arg(long, value_name = "NAME", conflicts_with_all = ["namespace", "node_pool"])]
    pub host_volume: Option<String>,
    /// The variable's path that it is about, in the namespace
    #[arg(long, value_name = "PATH", conflicts_with_all = ["node_pool", "host_volume"])]
    pub variable: Option<String>,
    /// Answer with JSON
    #[arg(long)]
    pub json: bool,
}

/// What is linted.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// Policy files, HCL or JSON
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Answer with JSON
    #[arg(long)]
    pub json: bool,
}
