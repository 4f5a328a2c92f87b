//! `GET /v1/agent/host`

use std::sync::Arc;

use nomad_agent::{Agent, AgentConfig, Role, Roster};

use crate::support::{get, get_as, start, start_cluster};

async fn open_agent(name: &str, role: Role, roster: &Arc<Roster>) -> Agent {
    start(AgentConfig { enable_debug: true, ..AgentConfig::new(name, role) }, roster).await
}

#[tokio::test]
async fn without_acls_the_operator_must_have_opened_it() {
    let [server, _, client] = start_cluster().await;
    for agent in [&server, &client] {
        let answer = get(agent, "/v1/agent/host").await;
        assert_eq!(answer.refusal(), (403, "Permission denied"));
        // The debug rule is checked before the target.
        let answer = get(agent, "/v1/agent/host?node_id=a&server_id=b").await;
        assert_eq!(answer.refusal(), (403, "Permission denied"));
        // With ACLs the token decides, whatever `enable_debug` says.
        get_as(agent, "management", "/v1/agent/host").await.json();
        let answer = get_as(agent, "", "/v1/agent/host").await;
        assert_eq!(answer.refusal(), (403, "Permission denied"));
    }
}

#[tokio::test]
async fn it_is_bare_without_a_target_and_wrapped_with_one() {
    let roster = Arc::new(Roster::new());
    let agent = open_agent("both1", Role::Both, &roster).await;
    let (node_id, server_id) = (agent.node_id().unwrap(), agent.server_id().unwrap());
    assert_eq!(get(&agent, "/v1/agent/host").await.json()["OS"], "quiet");
    let node = node_id.to_string();
    for (query, id) in [
        (format!("node_id={node_id}"), node.as_str()),
        (format!("server_id={node_id}"), node.as_str()),
        (format!("server_id={server_id}"), "both1.global"),
        ("server_id=both1.global".to_owned(), "both1.global"),
        ("server_id=leader".to_owned(), "both1.global"),
    ] {
        let answer = get(&agent, &format!("/v1/agent/host?{query}")).await.json();
        assert_eq!(
            (answer["AgentID"].as_str(), &answer["HostData"]["OS"]),
            (Some(id), &"quiet".into())
        );
    }
}

#[tokio::test]
async fn other_targets_are_refused_in_nomads_words() {
    let roster = Arc::new(Roster::new());
    let server = open_agent("server1", Role::Server, &roster).await;
    let client = open_agent("client1", Role::Client, &roster).await;
    let other = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
    let not_relayed = (501, "this agent does not relay requests to other agents");
    for (agent, query, refusal) in [
        (
            &server,
            "node_id=a&server_id=b",
            (400, "Can only forward to either client node or server"),
        ),
        (&server, "server_id=server1", (500, "unknown Nomad server server1")),
        (&server, "server_id=server1.global&region=mars", (500, "No path to region")),
        // The lookup is in the named region, also for the leader.
        (&server, "server_id=leader&region=mars", (500, "No path to region")),
        (&server, &format!("node_id={other}&region=mars"), (500, "No path to region")),
        (&client, "server_id=leader&region=mars", (500, "rpc error: No path to region")),
        (
            &server,
            "node_id=9bb118cc",
            (500, "node lookup failed: index error: UUID must be 36 characters"),
        ),
        (&server, &format!("node_id={other}"), (404, &*format!("Unknown node \"{other}\""))),
        (
            &client,
            &format!("server_id={other}"),
            (500, &*format!("rpc error: unknown Nomad server {other}")),
        ),
        (&client, "server_id=leader", not_relayed),
        (&client, "server_id=server1.global", not_relayed),
    ] {
        let answer = get(agent, &format!("/v1/agent/host?{query}")).await;
        assert_eq!(answer.refusal(), refusal, "{query}");
    }
    roster.set_status("server1.global", nomad_agent::MemberStatus::Failed);
    let answer = get(&server, "/v1/agent/host?server_id=leader").await;
    assert_eq!(answer.refusal(), (500, "No cluster leader"));
}

// Everything that Nomad's own test of its host data checks, on the machine that runs this.
#[tokio::test]
async fn the_real_host_is_behind_it() {
    let config = AgentConfig { enable_debug: true, ..AgentConfig::new("client1", Role::Client) };
    let agent = Agent::builder(config).start().await.unwrap();
    let answer = get(&agent, "/v1/agent/host").await.json();
    let keys: Vec<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["Disk", "Environment", "Hosts", "Network", "OS", "ResolvConf"]);
    for text in ["OS", "Hosts", "ResolvConf"] {
        assert!(!answer[text].as_str().unwrap().is_empty(), "{text}");
    }
    assert!(answer["Environment"]["PATH"].is_string());
    assert!(answer["Disk"].is_object());
    let networks = answer["Network"].as_array().unwrap();
    assert_eq!(networks[0]["address"], "127.0.0.1");
}
