//! Answers of a real Nomad, read and printed again.
//!
//! `recorded/README.md` says where they come from. Nomad prints Go's maps in random order, and the
//! recorded build sorted keys that releases of 2.0 print in order of declaration, so three laws are
//! told apart: the very same bytes, the same bytes in another order, and the same run of frames.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test stops where something is wrong")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use nomad_wire::{
    agent::{
        AgentConfig, AgentHost, Environment, Health, HostData, Join, Members, REDACTED, Servers,
    },
    client::{AllocStats, FileInfo, HostStats, StreamFrame},
    json::{Layout, to_json},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Checks the recorded answer of a name.
type Law = fn(&str);

/// Every recorded answer with the law it obeys.
const ANSWERS: [(&str, Law); 34] = [
    ("alloc-stats-acl.json", reordered::<AllocStats>),
    ("alloc-stats-done.json", reordered::<AllocStats>),
    ("alloc-stats-failed.json", reordered::<AllocStats>),
    ("alloc-stats-pretty.json", reordered::<AllocStats>),
    ("client-stats-acl-pretty.json", exact::<HostStats>),
    ("client-stats-acl.json", exact::<HostStats>),
    ("client-stats.json", exact::<HostStats>),
    ("health-client-acl.json", healthy),
    ("health-client-asked-for-server.json", unhealthy),
    ("health-server-asked-for-client.json", unhealthy),
    ("health-server.json", healthy),
    ("host-acl.json", reordered::<HostData>),
    ("host-of-node.json", reordered::<AgentHost>),
    ("host-of-server.json", reordered::<AgentHost>),
    ("join-failed.json", exact::<Join>),
    ("join.json", exact::<Join>),
    ("logs-done-follow.frames", frames),
    ("logs-offset.frames", frames),
    ("ls-local-files-acl.json", reordered::<Vec<FileInfo>>),
    ("ls-task-directory.json", reordered::<Vec<FileInfo>>),
    ("members-client.json", reordered::<Members>),
    ("members-server-acl-pretty.json", reordered::<Members>),
    ("members-server-acl.json", reordered::<Members>),
    ("monitor-client-acl.frames", frames),
    ("monitor-json-server-acl.frames", frames),
    ("self-config-client.json", reordered::<AgentConfig>),
    ("self-config-server-acl.json", exact::<AgentConfig>),
    ("servers-client-acl.json", exact::<Servers>),
    ("servers-client-pretty.json", exact::<Servers>),
    ("stat-directory.json", reordered::<FileInfo>),
    ("stat-file-acl.json", reordered::<FileInfo>),
    ("stat-whole-second.json", reordered::<FileInfo>),
    ("stream-follow.frames", frames),
    ("stream-html-file.frames", frames),
];

#[test]
fn recorded_responses_print_as_they_were() {
    for (name, law) in ANSWERS {
        law(name);
    }
}

#[test]
fn every_recorded_response_is_checked() {
    let listed: BTreeSet<String> = ANSWERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let names = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().file_name());
    let there: BTreeSet<String> = names.map(|name| name.into_string().unwrap()).collect();
    let there: BTreeSet<String> = there.into_iter().filter(|name| name != "README.md").collect();
    assert_eq!(listed, there);
}

#[test]
fn no_recorded_response_holds_an_unknown_key() {
    let members: Members = read("members-client.json");
    assert!(members.other.is_empty() && members.members.iter().all(|it| it.other.is_empty()));
    let stats: HostStats = read("client-stats.json");
    assert!(stats.other.is_empty() && stats.memory.other.is_empty());
    assert!(stats.cpu.iter().all(|it| it.other.is_empty() && it.total.is_some()));
    let alloc: AllocStats = read("alloc-stats-acl.json");
    let usage = &alloc.resource_usage;
    assert!(usage.other.is_empty() && usage.cpu_stats.other.is_empty());
    assert!(usage.memory_stats.other.is_empty() && alloc.tasks["static"].other.is_empty());
    let host: AgentHost = read("host-of-node.json");
    assert!(host.other.is_empty() && host.host_data.other.is_empty());
    let files: Vec<FileInfo> = read("ls-local-files-acl.json");
    assert!(files.iter().all(|it| it.other.is_empty()));
}

#[test]
fn recorded_figures_arrive_where_they_belong() {
    let members: Members = read("members-server-acl.json");
    assert_eq!((members.server_dc.as_str(), members.server_name.as_str()), ("dc1", "server1"));
    assert_eq!(members.members[0].tag("build"), Some("1.0.18"));
    let stats: HostStats = read("client-stats-acl.json");
    assert_eq!((stats.uptime, stats.memory.total), (2719, 25_276_514_304));
    assert_eq!(stats.cpu[1].busy_percent(), Some(4.950_495_049_524_119));
    let alloc: AllocStats = read("alloc-stats-acl.json");
    assert_eq!(alloc.resource_usage.memory_stats.rss, 32_829_440);
    assert_eq!(alloc.tasks["static"].pids.as_ref().map(|pids| pids.len()), Some(2));
    let file: FileInfo = read("stat-file-acl.json");
    assert_eq!((file.name.as_str(), file.size, file.is_dir), ("hello.txt", 12, false));
    let config: AgentConfig = read("self-config-server-acl.json");
    assert_eq!((config.region(), config.datacenter()), (Some("global"), Some("dc1")));
    assert!(config.has_acls() && config.is_server() && !config.is_client());
    let config: AgentConfig = read("self-config-client.json");
    assert!(config.is_client() && !config.is_server() && !config.has_acls());
}

#[test]
fn what_an_older_agent_lets_through_can_be_taken_out() {
    let host: HostData = read("host-acl.json");
    assert_ne!(host.environment.0["NOMAD_LICENSE"], REDACTED);
    let environment: Environment = host.environment.redacted();
    assert_eq!(environment.0["NOMAD_LICENSE"], REDACTED);
    assert_eq!(environment.0["GATEWAY_TEST_VISIBLE"], "yes");
}

/// The very same bytes come out again.
fn exact<T: DeserializeOwned + Serialize>(name: &str) {
    let printed = to_json(&read::<T>(name), layout(name)).unwrap();
    assert_eq!(String::from_utf8(printed), String::from_utf8(bytes(name)), "{name}");
}

/// The same value comes out again, spelled with the same bytes but for their order.
fn reordered<T: DeserializeOwned + Serialize>(name: &str) {
    let given = bytes(name);
    let printed = to_json(&read::<T>(name), layout(name)).unwrap();
    let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    assert_eq!(value(&printed), value(&given), "{name}");
    assert_eq!(sorted(printed), sorted(given), "{name}");
}

/// A healthy answer, sorted.
fn healthy(name: &str) {
    let health: Health = read(name);
    assert!(health.is_healthy(), "{name}");
    assert_eq!(health.to_body(Layout::Compact).unwrap(), bytes(name), "{name}");
}

/// An unhealthy answer, in order of declaration.
fn unhealthy(name: &str) {
    let health: Health = read(name);
    assert!(!health.is_healthy(), "{name}");
    assert_eq!(health.to_body(Layout::Pretty).unwrap(), bytes(name), "{name}");
}

/// Frame after frame, the same bytes.
fn frames(name: &str) {
    let given = bytes(name);
    let mut printed = Vec::new();
    for frame in serde_json::Deserializer::from_slice(&given).into_iter::<StreamFrame>() {
        let frame = frame.unwrap();
        assert!(frame.other.is_empty(), "{name}");
        printed.extend(to_json(&frame, Layout::Compact).unwrap());
    }
    assert_eq!(String::from_utf8(printed), String::from_utf8(given), "{name}");
}

fn directory() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "recorded"].iter().collect()
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(directory().join(name)).unwrap()
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn layout(name: &str) -> Layout {
    if name.ends_with("-pretty.json") { Layout::Pretty } else { Layout::Compact }
}

fn sorted(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.sort_unstable();
    bytes
}
