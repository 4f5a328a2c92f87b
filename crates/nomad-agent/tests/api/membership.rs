//! `GET /v1/agent/members` and `GET /v1/agent/servers`

use std::sync::Arc;

use nomad_agent::{AgentConfig, MemberStatus, Role, Roster};
use serde_json::json;

use crate::support::{alone, fleet, get, start};

#[tokio::test]
async fn a_single_server_is_its_only_member() {
    let agent = alone(Role::Server).await;
    let answer = get(&agent, "/v1/agent/members?region=ignored").await.json();
    let id = agent.server_id().unwrap().to_string();
    assert_eq!(
        answer,
        json!({
            "Members": [{
                "Addr": "127.0.0.1", "DelegateCur": 4, "DelegateMax": 5, "DelegateMin": 2,
                "Name": "agent1.global", "Port": 4648,
                "ProtocolCur": 2, "ProtocolMax": 5, "ProtocolMin": 1, "Status": "alive",
                "Tags": {
                    "build": "2.0.5+reference", "dc": "dc1", "id": id, "port": "4647",
                    "raft_vsn": "3", "region": "global", "revision": "", "role": "nomad",
                    "rpc_addr": "127.0.0.1", "vsn": "1",
                },
            }],
            "ServerDC": "dc1", "ServerName": "agent1", "ServerRegion": "global",
        })
    );
}

#[tokio::test]
async fn a_client_shows_the_view_of_a_server() {
    let [_, second, client] = fleet().await;
    let answer = get(&client, "/v1/agent/members").await.json();
    assert_eq!(answer["ServerName"], "server1");
    assert_eq!(answer["Members"].as_array().unwrap().len(), 2);
    assert_eq!(get(&second, "/v1/agent/members").await.json()["ServerName"], "server2");

    let lonely = alone(Role::Client).await;
    assert_eq!(get(&lonely, "/v1/agent/members").await.refusal(), (500, "no servers"));
}

#[tokio::test]
async fn a_client_lists_the_servers_that_are_there() {
    let roster = Arc::new(Roster::new());
    let client = start(AgentConfig::new("client1", Role::Client), &roster).await;
    assert_eq!(get(&client, "/v1/agent/servers").await.text, "[]");
    for (name, port) in [("a", 5001), ("b", 4999), ("c", 5002)] {
        let mut config = AgentConfig::new(name, Role::Server);
        config.rpc.set_port(port);
        start(config, &roster).await;
    }
    roster.mark("c.global", MemberStatus::Left);
    let answer = get(&client, "/v1/agent/servers").await;
    answer.json();
    assert_eq!(answer.text, r#"["127.0.0.1:4999","127.0.0.1:5001"]"#);
}
