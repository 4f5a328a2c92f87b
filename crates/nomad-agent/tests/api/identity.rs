//! `GET /v1/agent/self`

use nomad_agent::{AgentConfig, Role, Roster};
use serde_json::json;

use crate::support::{get, start, start_alone, start_cluster};

#[tokio::test]
async fn it_shows_the_configuration_in_force() {
    let dir = tempfile::tempdir().unwrap();
    let config = AgentConfig {
        enable_debug: true,
        data_dir: Some(dir.path().into()),
        ..AgentConfig::new("both1", Role::Both)
    };
    let agent = start(config, &std::sync::Arc::new(Roster::new())).await;
    let answer = get(&agent, "/v1/agent/self").await.json();
    let config = &answer["config"];
    for (pointer, value) in [
        ("/ACL/Enabled", json!(false)),
        ("/AdvertiseAddrs/HTTP", json!("127.0.0.1:4646")),
        ("/Ports/Serf", json!(4648)),
        ("/Client/Enabled", json!(true)),
        ("/Server/Enabled", json!(true)),
        ("/EnableDebug", json!(true)),
        ("/Region", json!("global")),
        ("/DataDir", json!(dir.path().to_str().unwrap())),
        ("/Version/Version", json!("2.0.5")),
        ("/Version/VersionMetadata", json!("reference")),
        ("/ACL/ReplicationToken", json!("")),
    ] {
        assert_eq!(config.pointer(pointer), Some(&value), "{pointer}");
    }
    assert_eq!(answer["member"]["Name"], "both1.global");
    let stats = answer["stats"].as_object().unwrap();
    assert_eq!(stats.keys().collect::<Vec<_>>(), ["client", "nomad", "raft", "runtime", "serf"]);
    assert_eq!(stats["nomad"]["leader"], "true");
    assert_eq!(stats["client"]["node_id"], agent.node_id().unwrap().as_str());
    assert!(stats.values().flat_map(|g| g.as_object().unwrap().values()).all(|v| v.is_string()));
}

#[tokio::test]
async fn roles_show_in_member_and_figures() {
    let [leader, follower, client] = start_cluster().await;
    let answer = get(&client, "/v1/agent/self").await.json();
    assert_eq!(
        answer["member"],
        json!({
            "Addr": null, "DelegateCur": 0, "DelegateMax": 0, "DelegateMin": 0, "Name": "",
            "Port": 0, "ProtocolCur": 0, "ProtocolMax": 0, "ProtocolMin": 0, "Status": "none",
            "Tags": null,
        })
    );
    assert_eq!(answer["stats"]["client"]["known_servers"], "127.0.0.1:5000,127.0.0.1:5001");
    assert!(answer["stats"].get("nomad").is_none());
    for (agent, leads) in [(leader, "true"), (follower, "false")] {
        let nomad = &get(&agent, "/v1/agent/self").await.json()["stats"]["nomad"];
        assert_eq!(nomad["leader"], leads);
        assert_eq!(nomad["leader_addr"], "127.0.0.1:5000");
    }
}

#[tokio::test]
async fn an_agent_keeps_its_ids_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let start = async || {
        let config = AgentConfig {
            data_dir: Some(dir.path().into()),
            ..AgentConfig::new("both1", Role::Both)
        };
        start(config, &std::sync::Arc::new(Roster::new())).await
    };
    let (first, second) = (start().await, start().await);
    assert_eq!(first.node_id(), second.node_id());
    assert_eq!(first.server_id(), second.server_id());
    assert_ne!(
        start_alone(Role::Client).await.node_id(),
        start_alone(Role::Client).await.node_id()
    );
}

#[tokio::test]
async fn pretty_indents_by_four_and_zero_does_not() {
    let agent = start_alone(Role::Client).await;
    for query in ["pretty", "pretty=1", "pretty=false"] {
        let answer = get(&agent, &format!("/v1/agent/self?{query}")).await;
        assert!(answer.text.starts_with("{\n    \"config\": {\n") && answer.text.ends_with("}\n"));
    }
    let answer = get(&agent, "/v1/agent/self?pretty=0").await;
    assert!(answer.text.starts_with("{\"config\":{") && !answer.text.contains('\n'));
}
