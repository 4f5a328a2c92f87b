//! Servers of two regions that gossip, with a gateway in front: a name and its region lead to one of them.

use std::{
    fs,
    io::{Read as _, Write as _},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::process::{Process, open, wait_until};

const SOON: Duration = Duration::from_secs(15);

/// Asks for a monitor, says something at every agent again and again, and gives the name of the one that is heard.
fn monitored_agent(gateway: &Process, agents: &[(&str, &Process)], query: &str) -> String {
    let mut stream = open(&gateway.http);
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let path = format!("/v1/agent/monitor?plain=true&log_level=debug&{query}");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: gateway\r\n\r\n").unwrap();
    let (since, mut seen) = (Instant::now(), String::new());
    loop {
        for (name, agent) in agents {
            agent.get(&format!("/v1/agent/health?heard-at={name}"));
        }
        let mut piece = [0; 4096];
        if let Ok(length) = stream.read(&mut piece) {
            seen.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
        if let Some((_, rest)) = seen.split_once("heard-at=") {
            assert!(seen.starts_with("HTTP/1.1 200 OK\r\n"), "{seen}");
            return rest.split_whitespace().next().unwrap_or_default().to_owned();
        }
        assert!(since.elapsed() < SOON, "nothing is heard for {query}: {seen}");
    }
}

#[test]
fn a_region_and_a_name_lead_to_one_server() {
    let dir = tempfile::tempdir().unwrap();
    let home = Process::server(dir.path(), "server1", &["--client"]);
    let elsewhere = dir.path().join("mars");
    let mars = Process::server(&elsewhere, "server1", &["--region", "mars", "--join", &home.serf]);
    wait_until(SOON, "they know each other", || home.members().len() == 2);
    let file = dir.path().join("gateway.json");
    // Where servers serve HTTP is guessed from the port of the first one; this one has another.
    let servers = json!({ "server1.mars": format!("http://{}", mars.http) });
    let config = json!({ "acl": { "enabled": false }, "servers": servers });
    fs::write(&file, config.to_string()).unwrap();
    let mut serve = Command::new(env!("CARGO_BIN_EXE_nomad-gateway"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NOMAD_")) {
        serve.env_remove(name);
    }
    serve.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(&file);
    let gateway = Process::start(serve.env("NOMAD_ADDR", format!("http://{}", home.http)));
    let agents = [("home", &home), ("mars", &mars)];
    let id = |agent: &Process| {
        let member = agent.get("/v1/agent/self").json()["member"].clone();
        member["Tags"]["id"].as_str().unwrap().to_owned()
    };
    wait_until(SOON, "the gateway knows both", || {
        let fleet = gateway.get("/v1/gateway/fleet").json();
        fleet["agents"].as_array().unwrap().len() == 2
    });
    for (query, agent) in [
        ("server_id=server1.global".to_owned(), "home"),
        (format!("server_id={}", id(&home)), "home"),
        ("server_id=server1.mars&region=mars".to_owned(), "mars"),
        (format!("server_id={}&region=mars", id(&mars)), "mars"),
    ] {
        assert_eq!(monitored_agent(&gateway, &agents, &query), agent, "{query}");
    }
    // The lookup ends in the region that was asked for: there is no loop through another one.
    for (query, text) in [
        ("server_id=server1.mars&region=venus", "No path to region"),
        ("server_id=server1.global&region=mars", "unknown Nomad server server1.global"),
        ("server_id=server1.mars", "unknown Nomad server server1.mars"),
    ] {
        for (call, status) in [("monitor", 400), ("host", 500), ("pprof/cmdline", 500)] {
            let answer = gateway.get(&format!("/v1/agent/{call}?{query}"));
            assert_eq!(answer.status_and_text(), (status, text), "{call}?{query}");
        }
    }
}
