//! `GET /v1/agent/self`

use std::collections::BTreeMap;

use http::Response;
use nomad_wire::{
    Query,
    agent::{self, AgentSelf},
    query::LogLevel,
};
use serde_json::Value;

use crate::{
    agent::Agent,
    body::Body,
    config::{NOMAD_VERSION, VERSION_METADATA},
    error::AgentError,
    membership::{Member, MemberStatus},
    response,
};

type StatsGroup = BTreeMap<String, String>;

/// The configuration in force, the agent as a member, and its statistics.
pub(crate) fn self_info(agent: &Agent, query: &Query<'_>) -> Result<Response<Body>, AgentError> {
    let answer = AgentSelf {
        config: wire_config(agent),
        member: agent.member().as_ref().map_or_else(agent::Member::none, Member::to_wire),
        stats: stats(agent),
        ..AgentSelf::default()
    };
    response::json(&answer.redacted(), query)
}

/// The configuration under Nomad's names. A setting that this agent does not have shows its zero value.
fn wire_config(agent: &Agent) -> agent::AgentConfig {
    let config = agent.config();
    let addresses = [("HTTP", config.http), ("RPC", config.rpc), ("Serf", config.serf)];
    let skeleton = agent::AgentConfig::skeleton()
        .with_value(&["Region"], config.region.as_str())
        .with_value(&["Datacenter"], config.datacenter.as_str())
        .with_value(&["NodeName"], config.name.as_str())
        .with_value(&["DataDir"], path_value(config.data_dir.as_deref()))
        .with_value(&["BindAddr"], config.http.ip().to_string())
        .with_value(&["EnableDebug"], config.enable_debug)
        .with_value(&["LogLevel"], level_name(agent.log_level()))
        .with_value(&["LogJson"], config.log_json)
        .with_value(&["LogFile"], path_value(config.log_file.as_deref()))
        .with_value(&["HTTPAPIResponseHeaders"], headers_value(&config.response_headers))
        .with_value(&["ACL", "Enabled"], config.acl_enabled)
        .with_value(&["Server", "Enabled"], config.role.is_server())
        .with_value(&["Client", "Enabled"], config.role.is_client())
        .with_value(&["Server", "NumSchedulers"], config.schedulers.workers)
        .with_value(&["Server", "EnabledSchedulers"], config.schedulers.enabled.clone())
        .with_value(&["Client", "AllocDir"], path_value(config.alloc_dir.as_deref()))
        .with_value(&["Version", "Version"], NOMAD_VERSION)
        .with_value(&["Version", "VersionMetadata"], VERSION_METADATA);
    let config = addresses.into_iter().fold(skeleton, |config, (name, address)| {
        config
            .with_value(&["Addresses", name], address.ip().to_string())
            .with_value(&["AdvertiseAddrs", name], address.to_string())
            .with_value(&["Ports", name], address.port())
    });
    agent.external_settings().apply_to(config)
}

fn path_value(path: Option<&std::path::Path>) -> Value {
    path.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default().into()
}

fn headers_value(headers: &http::HeaderMap) -> Value {
    let shown = headers.iter().map(|(name, value)| {
        (name.to_string(), Value::from(String::from_utf8_lossy(value.as_bytes())))
    });
    Value::Object(shown.collect())
}

const fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Trace => "TRACE",
        LogLevel::Debug => "DEBUG",
        LogLevel::Info => "INFO",
        LogLevel::Warn => "WARN",
        LogLevel::Error => "ERROR",
        LogLevel::Off => "OFF",
    }
}

/// The groups of statistics that this agent has.
fn stats(agent: &Agent) -> BTreeMap<String, StatsGroup> {
    let mut groups = BTreeMap::from([("runtime".to_owned(), runtime())]);
    if agent.role().is_server() {
        groups.insert("nomad".to_owned(), nomad(agent));
        groups.insert("serf".to_owned(), serf(agent));
        groups.insert("raft".to_owned(), raft(agent));
    }
    if let Some(node_id) = agent.node_id() {
        let allocations = agent.allocations().map_or(0, |allocations| allocations.all().len());
        let client = [
            ("node_id", node_id.to_string()),
            ("known_servers", agent.servers().join(",")),
            ("num_allocations", allocations.to_string()),
            // This node sends no heartbeats, so it has no TTL to report.
            ("heartbeat_ttl", "0s".to_owned()),
            ("last_heartbeat", "0s".to_owned()),
        ];
        groups.insert("client".to_owned(), stats_group(client));
    }
    groups
}

/// The keys are Nomad's, which is why asynchronous tasks are counted as `goroutines`.
fn runtime() -> StatsGroup {
    let metrics = tokio::runtime::Handle::try_current().ok().map(|handle| handle.metrics());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    stats_group([
        ("arch", std::env::consts::ARCH.to_owned()),
        ("kernel.name", std::env::consts::OS.to_owned()),
        ("cpu_count", cores.to_string()),
        ("goroutines", metrics.as_ref().map_or(0, |m| m.num_alive_tasks()).to_string()),
        ("max_procs", metrics.as_ref().map_or(1, |m| m.num_workers()).to_string()),
        ("version", format!("nomad-agent {} (Rust)", env!("CARGO_PKG_VERSION"))),
    ])
}

fn nomad(agent: &Agent) -> StatsGroup {
    let members = agent.membership().members();
    let mut regions: Vec<_> = members.iter().map(|member| member.region.as_str()).collect();
    regions.sort_unstable();
    regions.dedup();
    let leader = agent.membership().leader(&agent.config().region);
    stats_group([
        ("server", "true".to_owned()),
        ("leader", is_leader(agent).to_string()),
        ("leader_addr", leader.map(|leader| leader.rpc.to_string()).unwrap_or_default()),
        ("bootstrap", "false".to_owned()),
        ("known_regions", regions.len().to_string()),
    ])
}

/// Whether this agent leads its region.
fn is_leader(agent: &Agent) -> bool {
    let leader = agent.membership().leader(&agent.config().region);
    leader.is_some_and(|leader| Some(leader.id) == agent.server_id())
}

/// There is no replicated log, so there are no indexes, terms and snapshots to report. The leader and the number of
/// peers are reported here, too; a server that knows its leader has always just had contact with it.
fn raft(agent: &Agent) -> StatsGroup {
    let own = &agent.config().region;
    let has_leader = agent.membership().leader(own).is_some();
    let members = agent.membership().members();
    let peers = members.iter().filter(|member| {
        &member.region == own && member.is_alive() && Some(member.id) != agent.server_id()
    });
    stats_group([
        ("state", if is_leader(agent) { "Leader" } else { "Follower" }.to_owned()),
        ("num_peers", peers.count().to_string()),
        ("last_contact", if has_leader { "0" } else { "never" }.to_owned()),
    ])
}

/// Without gossip the clocks never move and the queues are always empty.
fn serf(agent: &Agent) -> StatsGroup {
    let members = agent.membership().members();
    let count = |status| members.iter().filter(|member| member.status == status).count();
    let mut serf = stats_group([
        ("members", members.len().to_string()),
        ("failed", count(MemberStatus::Failed).to_string()),
        ("left", count(MemberStatus::Left).to_string()),
        ("encrypted", agent.membership().is_encrypted().to_string()),
    ]);
    for idle in [
        "coordinate_resets",
        "event_queue",
        "event_time",
        "health_score",
        "intent_queue",
        "member_time",
        "query_queue",
        "query_time",
    ] {
        serf.insert(idle.to_owned(), "0".to_owned());
    }
    let figures = agent.membership().gossip_stats().into_iter();
    serf.extend(figures.map(|(name, figure)| (name.to_owned(), figure.to_string())));
    serf
}

fn stats_group<const N: usize>(pairs: [(&str, String); N]) -> StatsGroup {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
