//! `GET /v1/agent/members` and `GET /v1/agent/servers`

use std::sync::Arc;

use nomad_acl::AclDisabled;
use nomad_agent::{AgentConfig, MemberStatus, Role, Roster, standalone};
use serde_json::json;

use crate::support::{TestTokens, get, request, send_request, start, start_alone, start_cluster};

#[tokio::test]
async fn a_single_server_is_its_only_member() {
    let agent = start_alone(Role::Server).await;
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
                    "build": "2.0.5+reference", "dc": "dc1", "http_addr": "127.0.0.1:4646", "id": id, "port": "4647",
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
    let [_, second, client] = start_cluster().await;
    let answer = get(&client, "/v1/agent/members").await.json();
    assert_eq!(answer["ServerName"], "server1");
    assert_eq!(answer["Members"].as_array().unwrap().len(), 2);
    assert_eq!(get(&second, "/v1/agent/members").await.json()["ServerName"], "server2");

    let lonely = start_alone(Role::Client).await;
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
    roster.set_status("c.global", MemberStatus::Left);
    let answer = get(&client, "/v1/agent/servers").await;
    answer.json();
    assert_eq!(answer.text, r#"["127.0.0.1:4999","127.0.0.1:5001"]"#);
}

#[tokio::test]
async fn only_who_may_write_changes_the_membership() {
    let roster = Arc::new(Roster::new());
    let agent = start(AgentConfig::new("agent1", Role::Both), &roster).await;
    let put = async |token: &str, path: &str| {
        let mut request = request("PUT", path);
        if !token.is_empty() {
            request.headers_mut().insert("x-nomad-token", token.parse().unwrap());
        }
        send_request(standalone(agent.clone(), TestTokens), request).await
    };
    for (path, status, text) in [
        ("force-leave?node=foo", 200, ""),
        ("keyring/list", 500, "1/1 nodes reported failure"),
        ("keyring/use", 400, "Request body is empty"),
    ] {
        let path = format!("/v1/agent/{path}");
        assert_eq!(put("", &path).await.refusal(), (403, "Permission denied"), "{path}");
        assert_eq!(put("gone", &path).await.refusal(), (403, "ACL token expired"), "{path}");
        assert_eq!(put("management", &path).await.refusal(), (status, text), "{path}");
    }
    // A missing parameter is reported before authorization, except for the node to remove.
    let servers = put("", "/v1/agent/servers").await;
    assert_eq!(servers.refusal(), (400, "missing server address"));
    let unreachable = put("", "/v1/agent/servers?address=127.0.0.1:1").await;
    assert_eq!(unreachable.refusal(), (403, "Permission denied"));
    assert_eq!(put("", "/v1/agent/force-leave").await.refusal(), (403, "Permission denied"));
}

#[tokio::test]
async fn a_join_without_the_right_is_a_join_with_a_warning() {
    let agent = start_alone(Role::Server).await;
    let warning =
        "anonymous server join is deprecated and will be removed in a future version of Nomad";
    for (token, expected) in [("", warning), ("management", "")] {
        let mut request = request("PUT", "/v1/agent/join?address=127.0.0.1:1");
        if !token.is_empty() {
            request.headers_mut().insert("x-nomad-token", token.parse().unwrap());
        }
        let answer = send_request(standalone(agent.clone(), TestTokens), request).await.json();
        assert_eq!(answer["warning"], expected);
        assert_eq!(answer["num_joined"], 0);
    }
    for (token, text) in [("bogus", "Permission denied"), ("gone", "ACL token expired")] {
        let mut request = request("PUT", "/v1/agent/join?address=127.0.0.1:1");
        request.headers_mut().insert("x-nomad-token", token.parse().unwrap());
        let answer = send_request(standalone(agent.clone(), TestTokens), request).await;
        assert_eq!(answer.refusal(), (403, text));
    }
}

#[tokio::test]
async fn a_client_alone_changes_no_membership() {
    let agent = start_alone(Role::Client).await;
    for path in ["join?address=x", "join", "force-leave", "keyring/list", "keyring/install"] {
        let request = request("PUT", &format!("/v1/agent/{path}"));
        let answer = send_request(standalone(agent.clone(), AclDisabled), request).await;
        assert_eq!(answer.refusal(), (501, "Invalid method"), "{path}");
    }
}
