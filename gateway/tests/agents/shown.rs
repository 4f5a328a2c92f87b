//! What an agent tells of itself and its host, and what it keeps to itself.

use serde_json::Value;

use crate::process::{BOTH, Process, program, write_config};

fn config(agent: &Process) -> Value {
    agent.get("/v1/agent/self").json()["config"].clone()
}

#[test]
fn secrets_of_the_configuration_are_redacted_and_only_where_there_are_any() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Process::start_configured(dir.path(), BOTH);
    let whole = agent.get("/v1/agent/self").json();
    assert!(whole["config"]["ACL"].is_object(), "{whole}");
    assert!(!whole["stats"].as_object().unwrap().is_empty(), "{whole}");
    let secrets = |config: &Value| {
        [
            config["ACL"]["ReplicationToken"].clone(),
            config["Consuls"][0]["Token"].clone(),
            config["Telemetry"]["CirconusAPIToken"].clone(),
        ]
    };
    assert_eq!(secrets(&whole["config"]), ["", "", ""]);
    drop(agent);

    let text = "acl {\n  replication_token = \"s3cret-1\"\n}\nconsul {\n  token = \"s3cret-2\"\n}\n\
        telemetry {\n  circonus_api_token = \"s3cret-3\"\n}\n";
    let agent = Process::start_configured(dir.path(), &format!("{BOTH}{text}"));
    assert_eq!(secrets(&config(&agent)), ["<redacted>"; 3]);
    assert!(!agent.get("/v1/agent/self").text.contains("s3cret"));
}

#[test]
fn a_host_is_described_without_the_secrets_of_its_environment() {
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), &format!("enable_debug = true\n{BOTH}"));
    let secrets = [
        "VAULT_TOKEN",
        "BOGUS_TOKEN",
        "BOGUS_SECRET",
        "ryanSECRETS",
        "CONSUL_LICENSE_PATH",
        "AWS_ACCESS_KEY_ID",
    ];
    let mut command = program(&["--config"]);
    command.arg(dir.path().join("agent.hcl")).env("HARMLESS", "shown");
    let agent = Process::start(command.envs(secrets.map(|name| (name, "s3cret"))));
    let host = agent.get("/v1/agent/host").json();
    for text in ["OS", "ResolvConf", "Hosts"] {
        assert!(!host[text].as_str().unwrap().is_empty(), "{text}");
    }
    assert!(!host["Network"].as_array().unwrap().is_empty());
    let environment = &host["Environment"];
    assert_eq!(environment["HARMLESS"], "shown");
    for name in secrets {
        assert_eq!(environment[name], "<redacted>", "{name}");
    }
    // Containers have no file system of their own at the root; whatever is told has a size.
    let disks = host["Disk"].as_object().unwrap();
    for (mount, disk) in disks {
        assert!(disk["DiskMB"].as_i64().unwrap() > 0, "{mount}: {disk}");
    }
    if let Some(root) = disks.get("/") {
        assert!(root["UsedMB"].as_i64().unwrap() > 0, "{root}");
    }
    // The operator has not opened the next one, and with ACLs off that decides.
    let closed = Process::server(dir.path(), "closed", &[]);
    for path in ["/v1/agent/host", "/v1/agent/pprof/cmdline"] {
        assert_eq!(closed.get(path).status_and_text(), (403, "Permission denied"), "{path}");
    }
}
