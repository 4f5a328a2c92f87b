//! What an agent makes of its configuration.

use std::{fs, path::Path};

use crate::process::{Process, program};

/// What the program says of files with faults.
fn start_error(files: &[&Path], more: &[&str]) -> String {
    let mut command = program(more);
    for file in files {
        command.arg("--config").arg(file);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn every_fault_is_told_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("agent.hcl");
    let text = r#"
nmae      = "one"
log_level = "loud"
data_dir  = "relative"

ports {
  http = "many"
  rpc  = 70000
}

server {
  enabled = "yes"
  encrypt = "c2hvcnQ="
}

acl {
  enabled = true
}

client {
  enabled = true
}

allocation "web" {
  task "main" {
    args    = "echo"
    command = "${env.SHELL}"
  }
}
"#;
    fs::write(&file, text).unwrap();
    let said = start_error(&[&file], &[]);
    // An expression makes the whole file unreadable, so it is told first.
    assert!(said.contains("agent.hcl:27:15: only plain values are understood here"), "{said}");

    fs::write(&file, text.replace("${env.SHELL}", "sh")).unwrap();
    let said = start_error(&[&file], &[]);
    for fault in [
        "the configuration has 10 faults:",
        "agent.hcl:2:1: nmae is no setting here",
        "agent.hcl:3:1: log_level: must be trace, debug, info, warn, error or off",
        "agent.hcl:4:1: data_dir: must be an absolute path",
        "agent.hcl:7:3: ports.http: must be a number in range",
        "agent.hcl:8:3: ports.rpc: must be a number in range",
        "agent.hcl:12:3: server.enabled: must be true or false",
        "agent.hcl:13:3: server.encrypt: a key has 16, 24 or 32 bytes, this one has 5",
        "agent.hcl:16:1: acl.tokens_file: must be set",
        "agent.hcl:20:1: client.servers: a client that is no server needs the RPC address of one",
        "agent.hcl:26:5: allocation \"web\".task \"main\".args: must be a list of strings",
    ] {
        assert!(said.contains(fault), "{fault} is missing: {said}");
    }
    assert!(!said.contains("c2hvcnQ="), "a key is told: {said}");
}

#[test]
fn json_is_checked_the_same_way() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("agent.json");
    fs::write(&file, r#"{ "server": { "enabled": true, "bootstrap_expect": 3 }, "data_dir": 7 }"#)
        .unwrap();
    let said = start_error(&[&file], &["--region", "not a name"]);
    assert!(said.contains("the configuration has 4 faults:"), "{said}");
    for fault in [
        "agent.json:1:52: server.bootstrap_expect is no setting here",
        "agent.json:1:69: data_dir: must be a string",
        "--region: region: \"not a name\" must be 1 to 128 letters",
    ] {
        assert!(said.contains(fault), "{fault} is missing: {said}");
    }
    fs::write(&file, "{\n  \"server\": }").unwrap();
    assert!(start_error(&[&file], &[]).contains("agent.json:2:13: expected value"));
    let missing = dir.path().join("missing.hcl");
    assert!(start_error(&[&missing], &[]).contains("cannot read"));
    assert!(start_error(&[], &[]).contains("enable a server, a client, or both"));
}

#[test]
fn flags_count_over_the_environment_and_that_over_files() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("a.hcl"), dir.path().join("b.json"));
    let data = dir.path().join("data");
    let text = format!(
        "name = \"file\"\nregion = \"file\"\ndatacenter = \"file\"\nenable_debug = true\n\
         data_dir = {data:?}\nserver {{\n  enabled = true\n}}\nports {{\n  http = 0\n  rpc = 0\n  serf = 0\n}}\n"
    );
    fs::write(&first, text).unwrap();
    fs::write(&second, r#"{ "name": "later" }"#).unwrap();
    let mut command = program(&["--region", "flag"]);
    command.arg("--config").arg(&first).arg("--config").arg(&second);
    command.env("NOMAD_AGENT_REGION", "environment").env("NOMAD_AGENT_DATACENTER", "environment");
    let agent = Process::start(&mut command);
    let config = agent.get("/v1/agent/self").json()["config"].clone();
    assert_eq!(config["NodeName"], "later");
    assert_eq!((&config["Region"], &config["Datacenter"]), (&"flag".into(), &"environment".into()));
    assert_eq!(config["EnableDebug"], true);
    assert_eq!(config["AdvertiseAddrs"]["HTTP"], agent.http);
    assert_eq!(agent.members(), [("later.flag".to_owned(), "alive".to_owned())]);
}

#[test]
fn help_names_every_option() {
    let output = program(&["--help"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    for option in
        ["--config", "--data-dir", "--join", "--servers", "--encrypt", "NOMAD_AGENT_REGION"]
    {
        assert!(said.contains(option), "{option} is missing: {said}");
    }
}

#[test]
fn a_taken_port_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let data = dir.path().to_str().unwrap();
    let said = start_error(&[], &["--server", "--data-dir", data, "--http-port", &port]);
    assert!(said.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{said}");
}

#[test]
fn the_example_of_the_page_works() {
    let dir = tempfile::tempdir().unwrap();
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = page.split_once("```hcl\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let file = dir.path().join("client.hcl");
    fs::write(&file, example).unwrap();
    let mut command = program(&["--http-port", "0", "--data-dir"]);
    let agent = Process::start(command.arg(dir.path().join("data")).arg("--config").arg(&file));
    let config = agent.get("/v1/agent/self").json()["config"].clone();
    assert_eq!(
        (&config["NodeName"], &config["Client"]["Enabled"]),
        (&"client1".into(), &true.into())
    );
}
