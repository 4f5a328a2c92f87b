//! Responses have the shape of recorded ones.
//!
//! `tests/recorded/shapes-1.0.18.json` holds the JSON types of the responses of a Nomad 1.0.18 cluster's agents.
//! Nomad 2.0 sends more; the keys it no longer sends are listed here.

use nomad_agent::{Agent, AgentConfig, Role};
use serde_json::Value;

use crate::support::{get, start_cluster};

const RECORDED: &str = include_str!("../recorded/shapes-1.0.18.json");

/// Keys that Nomad 2.0 does not send.
const GONE: [&str; 23] = [
    "/Members/0/Tags/mvn",
    // Only with `bootstrap_expect`, which this agent does not have.
    "/Members/0/Tags/expect",
    "/member/Tags/mvn",
    "/member/Tags/expect",
    // `TotalPercent` since 1.4.
    "/CPU/0/Total",
    // Lists since 1.7.
    "/config/Consul",
    "/config/Vault",
    "/stats/vault",
    // This agent replicates nothing.
    "/stats/raft/applied_index",
    "/stats/raft/commit_index",
    "/stats/raft/fsm_pending",
    "/stats/raft/last_log_index",
    "/stats/raft/last_log_term",
    "/stats/raft/last_snapshot_index",
    "/stats/raft/last_snapshot_term",
    "/stats/raft/latest_configuration",
    "/stats/raft/latest_configuration_index",
    "/stats/raft/protocol_version",
    "/stats/raft/protocol_version_max",
    "/stats/raft/protocol_version_min",
    "/stats/raft/snapshot_version_max",
    "/stats/raft/snapshot_version_min",
    "/stats/raft/term",
];

/// Differences in type are not compared for null: it only shows whether something was configured.
fn is_like(recorded: &str, ours: &Value) -> bool {
    match recorded {
        "null" => true,
        "str" => ours.is_string(),
        "num" => ours.is_number(),
        "bool" => ours.is_boolean(),
        other => panic!("unknown type {other}"),
    }
}

fn may_be_empty(place: &str) -> bool {
    matches!(place, "/DiskStats" | "/config/Files" | "/config/Plugins")
}

fn is_empty(ours: &Value) -> bool {
    ours.is_null() || ours.as_array().is_some_and(Vec::is_empty)
}

fn compare(place: &str, recorded: &Value, ours: &Value, faults: &mut Vec<String>) {
    match (recorded, ours) {
        (Value::String(kind), ours) if is_like(kind, ours) => {}
        (Value::Object(keys), Value::Object(_)) => {
            for (key, shape) in keys {
                let place = format!("{place}/{key}");
                match ours.get(key) {
                    _ if GONE.contains(&place.as_str()) => {}
                    None => faults.push(format!("{place} is missing")),
                    Some(ours) => compare(&place, shape, ours, faults),
                }
            }
        }
        (Value::Array(shapes), Value::Array(ours)) if !ours.is_empty() => {
            if let Some(shape) = shapes.first() {
                compare(&format!("{place}/0"), shape, &ours[0], faults);
            }
        }
        // Settings that were not configured, and disks on a machine that shows none.
        (Value::Array(_), ours) if may_be_empty(place) && is_empty(ours) => {}
        _ => faults.push(format!("{place} is {ours}")),
    }
}

#[tokio::test]
async fn every_answer_has_all_that_was_recorded() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let [server, _, client] = start_cluster().await;
    let config = AgentConfig { enable_debug: true, ..AgentConfig::new("real1", Role::Client) };
    let real = Agent::builder(config).start().await.unwrap();
    let mut faults = Vec::new();
    for (name, agent, path) in [
        ("members", &server, "/v1/agent/members"),
        ("servers", &client, "/v1/agent/servers"),
        ("self of a server", &server, "/v1/agent/self"),
        ("self of a client", &client, "/v1/agent/self"),
        ("host", &real, "/v1/agent/host"),
        ("stats", &real, "/v1/client/stats"),
    ] {
        compare("", &recorded[name], &get(agent, path).await.json(), &mut faults);
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
