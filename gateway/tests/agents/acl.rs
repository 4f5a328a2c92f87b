//! Who may do what at an agent that demands tokens, as Nomad's own tests check it.

use std::{fs, path::Path};

use rustix::process::Signal;
use serde_json::json;

use crate::process::{BOTH, Process, TestResponse, start_error, wait_until, write_config};

const KEY: &str = "HS5lJ+XuTlYKWaeGYyG+/A==";
const DENIED: (u16, &str) = (403, "Permission denied");

/// Writes a table in which each token is called as its policy, and a management token.
fn write_tokens(dir: &Path, management: &str) {
    let names = ["agent:read", "agent:write", "node:read", "node:write"];
    let rules = |name: &str| {
        let (block, level) = name.split_once(':').unwrap();
        format!("{block} {{ policy = \"{level}\" }}")
    };
    let policies = names.map(|name| json!({ "name": name, "rules": rules(name) }));
    let mut tokens = names.map(|name| json!({ "secret": name, "policies": [name] })).to_vec();
    tokens.push(json!({ "secret": management, "type": "management" }));
    tokens.push(json!({
        "secret": "expired", "type": "management", "expires": "2020-01-01T00:00:00Z",
    }));
    let table = json!({ "policies": policies, "tokens": tokens });
    fs::write(dir.join("tokens.json"), table.to_string()).unwrap();
}

fn config(dir: &Path, more: &str) -> String {
    let tokens = dir.join("tokens.json");
    format!("{BOTH}acl {{\n  enabled = true\n  tokens_file = {tokens:?}\n}}\n{more}")
}

/// A server and a client in one agent that demands tokens.
fn start_with_tokens(dir: &Path) -> Process {
    write_tokens(dir, "management");
    let text = config(dir, "").replacen(
        "enabled = true",
        &format!("enabled = true\n  encrypt = {KEY:?}"),
        1,
    );
    Process::start_configured(dir, &text)
}

#[test]
fn every_call_requires_its_capability() {
    let dir = tempfile::tempdir().unwrap();
    let agent = start_with_tokens(dir.path());
    let put_servers = format!("PUT /v1/agent/servers?address={}", agent.rpc);
    let agent_read = ["agent:read", "agent:write", "management"].as_slice();
    let agent_write = ["agent:write", "management"].as_slice();
    for (call, allowed) in [
        ("GET /v1/agent/self", agent_read),
        ("GET /v1/agent/members", &["node:read", "node:write", "management"]),
        ("GET /v1/agent/servers", agent_read),
        (&put_servers, agent_write),
        ("PUT /v1/agent/force-leave?node=foo", agent_write),
        ("GET /v1/agent/host", agent_read),
        ("GET /v1/agent/pprof/cmdline", agent_write),
        ("GET /v1/agent/keyring/list", agent_write),
        ("GET /v1/agent/schedulers", agent_read),
        ("GET /v1/agent/schedulers/config", agent_read),
        ("PUT /v1/agent/reload", agent_write),
    ] {
        let tokens =
            ["", "agent:read", "agent:write", "node:read", "node:write", "management", "unknown"];
        for token in tokens {
            let answer = agent.send_as(token, call, "");
            if allowed.contains(&token) {
                assert_eq!(answer.status, 200, "{call} {token}: {answer:?}");
            } else {
                assert_eq!(answer.status_and_text(), DENIED, "{call} {token}");
            }
        }
        assert_eq!(
            agent.send_as("expired", call, "").status_and_text(),
            (403, "ACL token expired"),
            "{call}"
        );
    }
    // Health is for everybody.
    for token in ["", "unknown", "expired"] {
        for query in ["", "?type=client", "?type=server", "?type=client&type=server"] {
            let health = agent.send_as(token, &format!("GET /v1/agent/health{query}"), "").json();
            assert_eq!(health.get("client").is_some(), !query.ends_with("?type=server"), "{query}");
            assert_eq!(health.get("server").is_some(), query != "?type=client", "{query}");
        }
    }
    assert_eq!(
        agent.send_as("agent:read", "GET /v1/agent/self", "").json()["config"]["ACL"]["Enabled"],
        true
    );
}

#[test]
fn what_is_wrong_with_a_call_is_told_before_or_after_who_asks() {
    let dir = tempfile::tempdir().unwrap();
    let agent = start_with_tokens(dir.path());
    for (call, answer) in [
        ("GET /v1/agent/reload", (405, "Invalid method")),
        ("FOO /v1/agent/schedulers", (405, "Invalid method")),
        ("PUT /v1/agent/servers", (400, "missing server address")),
        ("PUT /v1/agent/servers?address=127.0.0.1:1", DENIED),
        ("PUT /v1/agent/schedulers/config", DENIED),
        ("GET /v1/agent/monitor?log_level=unknown", (400, "Unknown log level: unknown")),
        ("GET /v1/agent/monitor", DENIED),
        ("GET /v1/agent/monitor/export?on_disk=true", DENIED),
    ] {
        for token in ["", "unknown"] {
            assert_eq!(
                agent.send_as(token, call, "broken").status_and_text(),
                answer,
                "{call} {token:?}"
            );
        }
    }
    let export = "GET /v1/agent/monitor/export?on_disk=true";
    assert_eq!(
        agent.send_as("agent:read", export, "").status_and_text(),
        (400, "No nomad log file defined")
    );
    let level = "GET /v1/agent/monitor?log_level=unknown";
    for token in ["agent:read", "management"] {
        assert_eq!(
            agent.send_as(token, level, "").status_and_text(),
            (400, "Unknown log level: unknown")
        );
    }
}

#[test]
fn a_join_without_a_token_is_made_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let agent = start_with_tokens(dir.path());
    let twice = format!("PUT /v1/agent/join?address={0}&address={0}", agent.serf);
    let warning =
        "anonymous server join is deprecated and will be removed in a future version of Nomad";
    for (token, warning) in [("", warning), ("agent:read", warning), ("agent:write", "")] {
        let expected = format!(r#"{{"error":"","num_joined":2,"warning":"{warning}"}}"#);
        assert_eq!(
            agent.send_as(token, &twice, "").status_and_text(),
            (200, &*expected),
            "{token}"
        );
    }
}

#[test]
fn a_reload_reads_tokens_and_level_again() {
    let dir = tempfile::tempdir().unwrap();
    let agent = start_with_tokens(dir.path());
    let level = |token: &str| -> Option<String> {
        let answer = agent.send_as(token, "GET /v1/agent/self", "");
        (answer.status == 200)
            .then(|| answer.json()["config"]["LogLevel"].as_str().unwrap().to_owned())
    };
    assert_eq!(level("management").as_deref(), Some("INFO"));
    write_tokens(dir.path(), "another");
    write_config(dir.path(), &config(dir.path(), "log_level = \"debug\"\n"));
    for token in ["", "agent:read", "node:write"] {
        assert_eq!(
            agent.send_as(token, "PUT /v1/agent/reload", "").status_and_text(),
            DENIED,
            "{token}"
        );
    }
    assert_eq!(level("management").as_deref(), Some("INFO"));
    let reload = |token| -> TestResponse { agent.send_as(token, "POST /v1/agent/reload", "") };
    assert_eq!(reload("agent:write").status_and_text(), (200, ""));
    assert_eq!((level("management"), level("another").as_deref()), (None, Some("DEBUG")));

    // A hang-up does the same, and a broken table changes nothing, not even the level.
    write_tokens(dir.path(), "third");
    write_config(dir.path(), &config(dir.path(), "log_level = \"warn\"\n"));
    agent.signal(Signal::HUP);
    wait_until(std::time::Duration::from_secs(10), "it is taken over", || {
        level("third").as_deref() == Some("WARN")
    });
    fs::write(dir.path().join("tokens.json"), "{\"tokens\":").unwrap();
    write_config(dir.path(), &config(dir.path(), "log_level = \"trace\"\n"));
    assert_eq!(reload("third").status_and_text(), (200, ""));
    assert_eq!(level("third").as_deref(), Some("WARN"));
}

#[test]
fn the_tokens_of_the_page_work() {
    let dir = tempfile::tempdir().unwrap();
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = page.split_once("```json\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    fs::write(dir.path().join("tokens.json"), example).unwrap();
    let agent = Process::start_configured(dir.path(), &config(dir.path(), ""));
    let reader = "d8d8a6f5-3cb6-0a0b-3b6a-5a8a2f0f8f9b";
    for (call, status) in [("GET /v1/agent/members", 200), ("PUT /v1/agent/reload", 403)] {
        assert_eq!(agent.send_as(reader, call, "").status, status, "{call}");
    }
    let management = "7e8fbb01-bbbc-d276-9c14-e17fbe5de1b3";
    assert_eq!(agent.send_as(management, "PUT /v1/agent/reload", "").status, 200);
}

#[test]
fn tokens_that_cannot_be_read_are_a_start_up_error_without_a_secret_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let said = start_error(dir.path(), &format!("{BOTH}acl {{\n  enabled = true\n}}\n"));
    assert!(said.contains("acl.tokens_file: must be set"), "{said}");
    let text = config(dir.path(), "");
    assert!(start_error(dir.path(), &text).contains("tokens.json: it cannot be read"));
    for table in [
        "{ \"tokens\": [{ \"secret\": [\"s3cret\"] }] }",
        "{ \"tokens\": [{ \"secret\": \"a\", \"type\": \"s3cret\" }] }",
    ] {
        fs::write(dir.path().join("tokens.json"), table).unwrap();
        let said = start_error(dir.path(), &text);
        assert!(said.contains("no table of tokens at line 1, column"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    let table = json!({ "policies": [{ "name": "p", "rules": "agent {" }], "tokens": [] });
    fs::write(dir.path().join("tokens.json"), table.to_string()).unwrap();
    assert!(start_error(dir.path(), &text).contains("policy \"p\""));
}
