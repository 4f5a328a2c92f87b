//! `/v1/agent/monitor/export`

use std::{path::Path, sync::Arc};

use nomad_agent::{Agent, AgentConfig, Role, Roster};
use tempfile::TempDir;
use tracing::info;

use crate::support::{get, get_as, start, start_alone, start_cluster};

const EXPORT: &str = "/v1/agent/monitor/export";

/// An agent that logs into `nomad.log` of a directory.
async fn logging(role: Role) -> (Agent, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let log_file = Some(dir.path().join("nomad.log"));
    let config = AgentConfig { log_file, ..AgentConfig::new("agent1", role) };
    (start(config, &Arc::new(Roster::new())).await, dir)
}

fn write(dir: &TempDir, text: &str) {
    std::fs::write(dir.path().join("nomad.log"), text).unwrap();
}

#[tokio::test]
async fn a_short_file_is_one_frame() {
    let (agent, dir) = logging(Role::Client).await;
    write(&dir, "log log log log log");
    let answer = get(&agent, &format!("{EXPORT}?on_disk=true")).await;
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.text, r#"{"Data":"bG9nIGxvZyBsb2cgbG9nIGxvZw==","Offset":19}"#);
    let node_id = agent.node_id().unwrap();
    let answer = get(&agent, &format!("{EXPORT}?on_disk=true&plain=true&node_id={node_id}")).await;
    assert_eq!(answer.headers["content-type"], "text/plain");
    assert_eq!(answer.text, "log log log log log");
    write(&dir, "");
    let answer = get(&agent, &format!("{EXPORT}?on_disk=true")).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
}

#[tokio::test]
async fn a_long_file_comes_whole() {
    let (agent, dir) = logging(Role::Both).await;
    let lines =
        (0..5000).map(|n| format!("2026-01-01T00:00:00.000Z [INFO]  client: line: n={n}\n"));
    let text: String = lines.collect();
    write(&dir, &text);
    let plain = get(&agent, &format!("{EXPORT}?on_disk=true&plain=true")).await;
    assert_eq!(plain.text, text);
    let framed = get(&agent, &format!("{EXPORT}?on_disk=1")).await;
    let mut data = Vec::new();
    let mut offset = 0;
    for frame in frames(&framed.body) {
        let part = frame["Data"].as_str().map(decode).unwrap_or_default();
        assert!(part.len() <= 1024 && frame.get("FileEvent").is_none(), "{frame}");
        data.extend_from_slice(&part);
        offset = frame["Offset"].as_u64().unwrap_or(offset);
        assert_eq!(offset, data.len() as u64);
    }
    assert_eq!(String::from_utf8(data).unwrap(), text);
}

#[tokio::test]
async fn the_agent_writes_its_own_lines_into_the_file() {
    let (agent, _dir) = logging(Role::Server).await;
    tracing::dispatcher::with_default(agent.dispatch(), || {
        info!(target: "nomad", "kept for later");
        tracing::debug!(target: "nomad", "below the level");
    });
    let answer = get(&agent, &format!("{EXPORT}?on_disk=true&plain=true")).await;
    let lines: Vec<&str> = answer.text.lines().map(|line| &line[25..]).collect();
    assert!(
        lines[0].starts_with("[INFO]  agent: reference agent started: name=agent1"),
        "{lines:?}"
    );
    assert_eq!(lines[lines.len() - 1], "[INFO]  nomad: kept for later");
}

#[tokio::test]
async fn the_journal_is_asked_as_nomad_asks_it() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    script(&journal, "printf '%s|' \"$@\"; echo; echo trouble >&2\n");
    let config = AgentConfig::new("client1", Role::Client);
    let agent = Agent::builder(config).journalctl(&journal).start().await.unwrap();
    let path = format!("{EXPORT}?plain=true&service_name=nomad-client.service");
    let answer = get(&agent, &path).await;
    assert_eq!(answer.text, "-xu|nomad-client.service|--since|72h0m0s ago|\ntrouble\n");
    let answer = get(&agent, &format!("{path}&follow=true&logs_since=90m")).await;
    assert_eq!(answer.text, "-xu|nomad-client.service|--since|1h30m0s ago|-f|\ntrouble\n");
}

#[tokio::test]
async fn only_units_of_nomad_are_looked_up() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    script(&journal, "printf '%s' \"$2\"\n");
    let config = AgentConfig::new("client1", Role::Client);
    let agent = Agent::builder(config).journalctl(&journal).start().await.unwrap();
    let looked_up = async |name: &str| {
        let name: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        get(&agent, &format!("{EXPORT}?plain=true&service_name={name}")).await
    };
    for name in [
        "nomad",
        "nomad.socket",
        "nomad-client.service",
        "nomad.client.02.swap",
        "nomadhelper@54.device",
    ] {
        let answer = looked_up(name).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, name));
    }
    for name in [
        r"1.\@_-nomad@",
        r"1./@_-nomad@.automount",
        "docker.path",
        "nomad.path.gotcha",
        "nomad/8.path",
        "nomad%.path",
        "nom4ad.path",
        "nomad,.path",
        "nomad.client",
        "nomad!.path",
        "nomad%http.timer",
        "nomad,http.mount",
        "nomad$http.service",
        "nomad$.http.service",
        "nomad$",
    ] {
        assert_eq!(looked_up(name).await.refusal().0, 422, "{name}");
    }
}

// The stderr output is more than a pipe holds, and comes first.
#[tokio::test]
async fn a_journal_that_complains_at_length_is_read_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    script(&journal, "head -c 300000 /dev/zero | tr '\\0' e >&2; echo found\n");
    let config = AgentConfig::new("client1", Role::Client);
    let agent = Agent::builder(config).journalctl(&journal).start().await.unwrap();
    let answer = get(&agent, &format!("{EXPORT}?plain=true&service_name=nomad")).await;
    assert!(answer.text.starts_with("found\neee"), "{}", &answer.text[..20]);
    assert_eq!(answer.text.len(), 6 + 64 * 1024);
}

#[tokio::test]
async fn a_journal_that_is_followed_ends_with_its_reader() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    script(&journal, "echo $$; exec sleep 1000\n");
    let config = AgentConfig::new("client1", Role::Client);
    let agent = Agent::builder(config).journalctl(&journal).start().await.unwrap();
    let path = format!("{EXPORT}?plain=true&service_name=nomad&follow=true");
    let mut body = crate::support::open(&agent, &path).await.into_body();
    let pid = crate::support::chunk(&mut body).await;
    let process = format!("/proc/{}", pid.trim());
    assert!(Path::new(&process).exists());
    drop(body);
    while std::fs::read_to_string(format!("{process}/cmdline")).is_ok_and(|text| !text.is_empty()) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_host_without_a_journal_says_so() {
    let config = AgentConfig::new("client1", Role::Client);
    let agent = Agent::builder(config).journalctl("no-such-journalctl").start().await.unwrap();
    let answer = get(&agent, &format!("{EXPORT}?service_name=nomad")).await;
    let text = "exec: \"no-such-journalctl\": executable file not found in $PATH";
    assert_eq!(answer.refusal(), (500, text));
}

#[tokio::test]
async fn parameters_are_refused_before_rights_and_in_order() {
    let agent = start_alone(Role::Both).await;
    let not_bool = |key: &str| {
        format!(
            "Failed to parse value of \"{key}\" (green) as a bool: strconv.ParseBool: parsing \"green\": invalid syntax"
        )
    };
    for (query, status, text) in [
        ("on_disk=green", 400, format!("Unknown value for on-disk: {}", not_bool("on_disk"))),
        ("follow=green", 400, format!("Unknown value for follow: {}", not_bool("follow"))),
        ("plain=green", 400, format!("Unknown value for plain: {}", not_bool("plain"))),
        (
            "logs_since=98seconds&on_disk=true&service_name=nomad",
            400,
            "Unknown value for logs-since: time: unknown unit \"seconds\" in duration \"98seconds\"".to_owned(),
        ),
        (
            "on_disk=true&node_id=a&server_id=b",
            400,
            "Cannot target node and server simultaneously".to_owned(),
        ),
        (
            "on_disk=true&service_name=nomad",
            400,
            "Cannot target journald and nomad log file simultaneously".to_owned(),
        ),
        ("", 400, "Either -service-name or -on-disk must be set".to_owned()),
        ("on_disk=true&follow=true", 400, "Cannot follow log file".to_owned()),
        ("service_name=nomad%25", 422, "nomad% does not meet systemd conventions".to_owned()),
    ] {
        for token in ["", "management"] {
            let answer = get_as(&agent, token, &format!("{EXPORT}?{query}")).await;
            assert_eq!(answer.refusal(), (status, text.as_str()), "{query}");
        }
    }
}

#[tokio::test]
async fn rights_files_and_targets_come_after() {
    let agent = start_alone(Role::Both).await;
    let path = format!("{EXPORT}?on_disk=true");
    for token in ["", "node-write", "unknown"] {
        assert_eq!(get_as(&agent, token, &path).await.refusal(), (403, "Permission denied"));
    }
    for token in ["agent-read", "management"] {
        assert_eq!(
            get_as(&agent, token, &path).await.refusal(),
            (400, "No nomad log file defined")
        );
    }
    let (logging, dir) = logging(Role::Server).await;
    std::fs::remove_file(dir.path().join("nomad.log")).unwrap();
    assert_eq!(get(&logging, &path).await.status, 500);
    let [leader, follower, _] = start_cluster().await;
    for (agent, query, refusal) in [
        (&leader, "server_id=x", (400, "unknown Nomad server x")),
        (&leader, "server_id=x&region=y", (400, "No path to region")),
        (
            &leader,
            "node_id=x",
            (500, "RPC Error:: 500,node lookup failed: index error: UUID must be 36 characters"),
        ),
        (
            &follower,
            "server_id=leader",
            (501, "this agent does not relay requests to other agents"),
        ),
        (&leader, "server_id=leader", (400, "No nomad log file defined")),
    ] {
        let answer = get(agent, &format!("{path}&{query}")).await;
        assert_eq!(answer.refusal(), refusal, "{query}");
    }
}

/// Writes a program from another process: a file that is open for writing here, perhaps in a child that another
/// test has just forked, cannot be executed.
fn script(path: &Path, lines: &str) {
    let mut writer = std::process::Command::new("/bin/sh");
    writer.args(["-c", r#"printf '%s' "$2" > "$1" && chmod 755 "$1""#, "sh"]).arg(path);
    assert!(writer.arg(format!("#!/bin/sh\n{lines}")).status().unwrap().success());
}

fn frames(body: &[u8]) -> Vec<serde_json::Value> {
    let frames = serde_json::Deserializer::from_slice(body).into_iter();
    frames.map(Result::unwrap).collect()
}

fn decode(data: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.decode(data).unwrap()
}
