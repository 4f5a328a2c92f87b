//! Three servers join, die, are removed, come back and leave; a client hears of it.

use std::time::Duration;

use rustix::process::Signal;

use crate::process::{Process, program, wait_until};

const SOON: Duration = Duration::from_secs(10);

/// Three servers that know each other: the second joined by itself, the third was told to.
fn three_servers(dir: &std::path::Path) -> [Process; 3] {
    let first = Process::server(dir, "server1", &[]);
    let second = Process::server(dir, "server2", &["--join", &first.serf]);
    let third = Process::server(dir, "server3", &[]);
    assert_eq!(third.members().len(), 1);
    let joined = third.put(&format!("/v1/agent/join?address={}", first.serf)).json();
    assert_eq!((joined["num_joined"].as_i64(), joined["error"].as_str()), (Some(1), Some("")));
    let servers = [first, second, third];
    for server in &servers {
        wait_until(SOON, "everybody knows everybody", || {
            let members = server.members();
            members.len() == 3 && members.iter().all(|(_, status)| status == "alive")
        });
    }
    servers
}

#[test]
fn a_server_fails_is_removed_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let [mut first, second, third] = three_servers(dir.path());
    assert!(first.is_leader() && !second.is_leader() && !third.is_leader());

    first.signal(Signal::KILL);
    first.wait_exit();
    for server in [&second, &third] {
        wait_until(SOON, "its death is known", || server.status_of("server1.global") == "failed");
    }
    assert!(second.is_leader() && !third.is_leader(), "the next one by name leads");
    let health = second.get("/v1/agent/health").json();
    assert_eq!(health["server"]["ok"], true);

    assert_eq!(third.put("/v1/agent/force-leave?node=server1.global").status_and_text(), (200, ""));
    for server in [&second, &third] {
        wait_until(SOON, "it is removed", || server.status_of("server1.global") == "left");
    }

    let port = first.serf.rsplit_once(':').unwrap().1.to_owned();
    let again =
        Process::server(dir.path(), "server1", &["--serf-port", &port, "--join", &second.serf]);
    for server in [&second, &third, &again] {
        wait_until(SOON, "it is back", || server.status_of("server1.global") == "alive");
    }
    wait_until(SOON, "it leads again", || again.is_leader() && !second.is_leader());
}

#[test]
fn a_server_leaves_and_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second, mut third] = three_servers(dir.path());
    third.signal(Signal::TERM);
    assert!(third.wait_exit().success());
    for server in [&first, &second] {
        wait_until(SOON, "it left", || server.status_of("server3.global") == "left");
    }
    let prune = "/v1/agent/force-leave?node=server3.global&prune=true";
    assert_eq!(first.put(prune).status_and_text(), (200, ""));
    for server in [&first, &second] {
        wait_until(SOON, "it is forgotten", || server.status_of("server3.global").is_empty());
    }
}

#[test]
fn a_client_sees_what_the_servers_see() {
    let dir = tempfile::tempdir().unwrap();
    let [mut first, second, third] = three_servers(dir.path());
    let data = dir.path().join("client1");
    let arguments = ["--client", "--name", "client1", "--http-port", "0", "--data-dir"];
    let mut command = program(&arguments);
    command.arg(data).args(["--servers", &first.rpc]);
    let client = Process::start(&mut command);
    assert_eq!(client.members(), second.members());
    assert_eq!(client.get("/v1/agent/health").json()["client"]["ok"], true);
    let mut expected = [&first, &second, &third].map(|server| server.rpc.clone());
    expected.sort_unstable();
    let servers = |client: &Process| client.get("/v1/agent/servers").json();
    assert_eq!(servers(&client), serde_json::json!(expected));

    first.signal(Signal::KILL);
    first.wait_exit();
    wait_until(SOON, "the client knows of the death", || {
        client.status_of("server1.global") == "failed"
    });
    assert_eq!(servers(&client).as_array().unwrap().len(), 2);

    // What somebody chose stays, whatever servers come and go.
    let choice = format!("/v1/agent/servers?address={}&address=127.0.0.1:1", third.rpc);
    assert_eq!(client.send("POST", &choice, "").status_and_text(), (200, ""));
    assert_eq!(servers(&client), serde_json::json!([third.rpc]));
    drop(third);
    wait_until(SOON, "nobody answers any more", || client.get("/v1/agent/members").status == 500);
    assert_eq!(client.get("/v1/agent/members").text, "no servers");
    assert_eq!(servers(&client).as_array().unwrap().len(), 1);
}

#[test]
fn encrypted_gossip_keeps_strangers_out() {
    let dir = tempfile::tempdir().unwrap();
    let key = "HS5lJ+XuTlYKWaeGYyG+/A==";
    let first = Process::server(dir.path(), "server1", &["--encrypt", key]);
    let stranger = Process::server(dir.path(), "stranger", &[]);
    let other = Process::server(dir.path(), "other", &["--encrypt", "cg8StVXbQJ0gPvMd9o7yrg=="]);
    for outsider in [&stranger, &other] {
        let join = outsider.put(&format!("/v1/agent/join?address={}", first.serf)).json();
        assert_eq!(join["num_joined"], 0, "{join}");
        assert_eq!(outsider.members().len(), 1);
    }
    let friend = Process::server(dir.path(), "friend", &["--encrypt", key, "--join", &first.serf]);
    wait_until(SOON, "they know each other", || first.members().len() == 2);
    assert_eq!(friend.get("/v1/agent/self").json()["stats"]["serf"]["encrypted"], "true");
}

#[test]
fn a_server_that_is_configured_not_to_leave_has_failed() {
    let dir = tempfile::tempdir().unwrap();
    let first = Process::server(dir.path(), "server1", &[]);
    let file = dir.path().join("quiet.json");
    std::fs::write(&file, r#"{ "leave_on_terminate": false }"#).unwrap();
    let more = ["--join", &first.serf, "--config", file.to_str().unwrap()];
    let mut second = Process::server(dir.path(), "server2", &more);
    wait_until(SOON, "they know each other", || first.members().len() == 2);
    second.signal(Signal::TERM);
    assert!(second.wait_exit().success());
    wait_until(SOON, "it failed", || first.status_of("server2.global") == "failed");
}
