//! The calls that change whom an agent knows, as Nomad's own tests check them, against a running agent.

use std::time::Duration;

use crate::process::{Process, wait_until};

const KEYS: [&str; 2] = ["HS5lJ+XuTlYKWaeGYyG+/A==", "cg8StVXbQJ0gPvMd9o7yrg=="];

/// A server and a client in one agent.
fn start_server_and_client(dir: &std::path::Path, more: &[&str]) -> Process {
    let mut arguments = vec!["--client"];
    arguments.extend(more);
    Process::server(dir, "agent1", &arguments)
}

#[test]
fn join() {
    let dir = tempfile::tempdir().unwrap();
    let agent = start_server_and_client(dir.path(), &[]);
    let serf = &agent.serf;
    let twice = agent.put(&format!("/v1/agent/join?address={serf}&address={serf}"));
    assert_eq!(twice.text, r#"{"error":"","num_joined":2,"warning":""}"#);
    let partly = agent.put(&format!("/v1/agent/join?address=127.0.0.1:1&address={serf}"));
    assert_eq!(partly.text, r#"{"error":"","num_joined":1,"warning":""}"#);
    let failed = agent.send("POST", "/v1/agent/join?address=127.0.0.1:1", "ignored").json();
    let error = failed["error"].as_str().unwrap();
    assert!(error.starts_with("1 error occurred:\n\t* failed to join 127.0.0.1:1: "), "{error}");
    assert_eq!(failed["num_joined"], 0);
    let unknown = agent.put("/v1/agent/join?address=no.such.host.invalid").json();
    assert!(unknown["error"].as_str().unwrap().contains("failed to resolve no.such.host.invalid"));
    assert_eq!(agent.put("/v1/agent/join").status_and_text(), (400, "missing address to join"));
    assert_eq!(agent.get("/v1/agent/join?address=x").status_and_text(), (405, "Invalid method"));
}

#[test]
fn force_leave() {
    let dir = tempfile::tempdir().unwrap();
    let agent = start_server_and_client(dir.path(), &[]);
    assert_eq!(agent.put("/v1/agent/force-leave?node=foo").status_and_text(), (200, ""));
    assert_eq!(agent.put("/v1/agent/force-leave?node=foo&prune=true").status_and_text(), (200, ""));
    assert_eq!(
        agent.put("/v1/agent/force-leave?node=").status_and_text(),
        (400, "missing node to force leave")
    );
    let prune = agent.put("/v1/agent/force-leave?node=foo&prune=maybe");
    assert_eq!(prune.status_and_text(), (400, "invalid prune value"));
    // It refutes its own removal.
    assert_eq!(agent.put("/v1/agent/force-leave?node=agent1.global").status_and_text(), (200, ""));
    wait_until(Duration::from_secs(5), "it stays", || agent.status_of("agent1.global") == "alive");
}

#[test]
fn servers() {
    let dir = tempfile::tempdir().unwrap();
    let agent = start_server_and_client(dir.path(), &[]);
    let own = format!("[\"{}\"]", agent.rpc);
    assert_eq!(agent.get("/v1/agent/servers").text, own);
    assert_eq!(agent.put("/v1/agent/servers").status_and_text(), (400, "missing server address"));
    let nobody =
        agent.put("/v1/agent/servers?address=127.0.0.1:1&address=127.0.0.1:2&address=127.0.0.1:3");
    assert_eq!(nobody.status, 400);
    assert!(
        nobody
            .text
            .starts_with("3 errors occurred:\n\t* Server at address 127.0.0.1:1 failed ping: ")
    );
    assert_eq!(agent.get("/v1/agent/servers").text, own);
    // The HTTP port is somebody, but no server answers peers there.
    assert_eq!(agent.put(&format!("/v1/agent/servers?address={}", agent.http)).status, 400);
    assert_eq!(
        agent.put(&format!("/v1/agent/servers?address={}", agent.rpc)).status_and_text(),
        (200, "")
    );
    assert_eq!(agent.get("/v1/agent/servers").text, own);

    let server = Process::server(dir.path(), "server1", &[]);
    assert_eq!(server.get("/v1/agent/servers").status_and_text(), (501, "Invalid method"));
    assert_eq!(
        server.put("/v1/agent/servers?address=x").status_and_text(),
        (501, "Invalid method")
    );
}

#[test]
fn the_keyring_of_encrypted_gossip() {
    let dir = tempfile::tempdir().unwrap();
    let agent = start_server_and_client(dir.path(), &["--encrypt", KEYS[0]]);
    let friend =
        Process::server(dir.path(), "friend", &["--encrypt", KEYS[0], "--join", &agent.serf]);
    wait_until(Duration::from_secs(10), "both are there", || agent.members().len() == 2);
    let listed = |agent: &Process| agent.get("/v1/agent/keyring/list").json();
    let one = serde_json::json!({ "Keys": { KEYS[0]: 2 }, "Messages": {}, "NumNodes": 2 });
    assert_eq!(listed(&agent), one);
    let body = format!("{{\"Key\":\"{}\"}}", KEYS[1]);
    let installed = agent.send("GET", "/v1/agent/keyring/install", &body).json();
    assert_eq!(installed, serde_json::json!({ "Keys": {}, "Messages": {}, "NumNodes": 2 }));
    let two = serde_json::json!({ KEYS[0]: 2, KEYS[1]: 2 });
    assert_eq!(listed(&friend)["Keys"], two);
    // The key in use cannot be removed; after the change it can.
    let old = format!("{{\"Key\":\"{}\"}}", KEYS[0]);
    let refused = agent.send("PUT", "/v1/agent/keyring/remove", &old);
    assert_eq!(refused.status_and_text(), (500, "2/2 nodes reported failure"));
    assert_eq!(agent.send("PUT", "/v1/agent/keyring/use", &body).status, 200);
    assert_eq!(agent.send("PUT", "/v1/agent/keyring/remove", &old).status, 200);
    assert_eq!(listed(&friend)["Keys"], serde_json::json!({ KEYS[1]: 2 }));

    // Installed keys outlive the process; the configured one no longer counts.
    drop(friend);
    let again =
        Process::server(dir.path(), "friend", &["--encrypt", KEYS[0], "--join", &agent.serf]);
    wait_until(Duration::from_secs(10), "it knows the new key", || again.members().len() == 2);
}

#[test]
fn what_a_keyring_call_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let agent = start_server_and_client(dir.path(), &[]);
    let failure = (500, "1/1 nodes reported failure");
    assert_eq!(agent.get("/v1/agent/keyring/list").status_and_text(), failure);
    let body = format!("{{\"Key\":\"{}\"}}", KEYS[1]);
    assert_eq!(agent.send("PUT", "/v1/agent/keyring/install", &body).status_and_text(), failure);
    for (body, status, text) in [
        ("", 400, "Request body is empty"),
        (r#"{"Key":"a*b="}"#, 500, "illegal base64 data at input byte 1"),
        (r#"{"Key":"c2hvcnQ="}"#, 500, "1/1 nodes reported failure"),
    ] {
        let answer = agent.send("PUT", "/v1/agent/keyring/use", body);
        assert_eq!(answer.status_and_text(), (status, text), "{body}");
    }
    assert_eq!(agent.send("PUT", "/v1/agent/keyring/use", "{no json").status, 400);
    assert_eq!(
        agent.get("/v1/agent/keyring/unknown").status_and_text(),
        (404, "resource not found")
    );
}

#[test]
fn identity() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::server(dir.path(), "server1", &["--region", "eu"]);
    let (data, config) = (dir.path().join("client1"), dir.path().join("client1.hcl"));
    std::fs::write(&config, "client {\n  enabled = true\n  disable_remote_exec = true\n}\n")
        .unwrap();
    let start = || {
        let mut command = crate::process::program(&["--name", "client1", "--http-port", "0"]);
        command.arg("--config").arg(&config).arg("--data-dir").arg(&data);
        Process::start(command.args(["--servers", &server.rpc]))
    };
    let claims = |client: &Process| client.get("/v1/client/identity").json()["Claims"].clone();
    let client = start();
    let first = claims(&client);
    assert_eq!(first.as_object().unwrap().len(), 9, "{first}");
    // The server signs for its own region.
    assert!(first["sub"].as_str().unwrap().starts_with("node:eu:default:"), "{first}");
    assert_eq!(client.put("/v1/client/identity/renew").status_and_text(), (200, "{}"));
    wait_until(Duration::from_secs(10), "a new identity", || {
        claims(&client)["jti"] != first["jti"]
    });
    let renewed = claims(&client);
    drop(client);
    assert_eq!(claims(&start()), renewed, "kept over a restart");
    assert_eq!(server.get("/v1/client/identity").status_and_text().0, 400);
}
