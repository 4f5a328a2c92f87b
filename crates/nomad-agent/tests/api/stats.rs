//! `/v1/client/stats`

use nomad_agent::{Agent, AgentConfig, Role};

use crate::support::{get, request, start_alone, start_cluster};

#[tokio::test]
async fn the_node_shows_its_last_figures() {
    let agent = start_alone(Role::Both).await;
    let own = agent.node_id().unwrap();
    let strange = "?tomcat=yes&node=none".to_owned();
    for query in [String::new(), "?node_id=".to_owned(), format!("?node_id={own}"), strange] {
        assert_eq!(get(&agent, &format!("/v1/client/stats{query}")).await.json()["Uptime"], 7);
    }
}

#[tokio::test]
async fn other_nodes_are_refused_in_nomads_words() {
    let [server, _, client] = start_cluster().await;
    let other = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
    let unknown = format!("Unknown node {other}");
    let short = "node lookup failed: index error: UUID must be 36 characters";
    for (agent, query, refusal) in [
        (&server, String::new(), (400, "No local Node and node_id not provided")),
        (&server, format!("?node_id={other}"), (404, unknown.as_str())),
        (&client, format!("?node_id={other}"), (404, unknown.as_str())),
        (&client, "?node_id=short".to_owned(), (500, short)),
        (&client, "?wait=bad".to_owned(), (400, "Invalid wait time")),
    ] {
        let answer = get(agent, &format!("/v1/client/stats{query}")).await;
        assert_eq!(answer.refusal(), refusal, "{query}");
    }
}

#[tokio::test]
async fn the_real_host_is_behind_it() {
    let agent = Agent::builder(AgentConfig::new("client1", Role::Client)).start().await.unwrap();
    let answer = get(&agent, "/v1/client/stats").await.json();
    let keys: Vec<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "AllocDirStats",
            "CPU",
            "CPUTicksConsumed",
            "DeviceStats",
            "DiskStats",
            "Memory",
            "Timestamp",
            "Uptime"
        ]
    );
    let core: Vec<_> = answer["CPU"][0].as_object().unwrap().keys().collect();
    assert_eq!(core, ["CPU", "Idle", "System", "TotalPercent", "TotalTicks", "User"]);
    assert!(answer["Memory"]["Total"].as_u64() > answer["Memory"]["Available"].as_u64());
    assert!(answer["AllocDirStats"]["Size"].as_u64() > Some(0));
    // The timestamp is in nanoseconds, the uptime in seconds.
    assert!(answer["Timestamp"].as_i64() > Some(1_000_000_000_000_000_000));
    assert!(answer["Uptime"].as_u64() < Some(1_000_000_000));
}

#[tokio::test]
async fn pages_of_other_origins_may_read_and_not_write() {
    use http::{StatusCode, header};
    use nomad_acl::AclDisabled;
    use nomad_agent::standalone;
    use tower_service::Service as _;

    let mut service = standalone(start_alone(Role::Client).await, AclDisabled);
    let mut ask = async |method: &str, path: &str, extra: &[(&'static str, &'static str)]| {
        let mut request = request(method, path);
        request.headers_mut().insert(header::ORIGIN, "http://ui.example".parse().unwrap());
        for (name, value) in extra {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let Ok(response) = service.call(request).await;
        let allowed = response.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN).cloned();
        (
            response.status(),
            response.headers().get_all(header::VARY).iter().count(),
            allowed.is_some(),
        )
    };
    let method = "access-control-request-method";
    assert_eq!(ask("GET", "/v1/client/stats", &[]).await, (StatusCode::OK, 2, true));
    assert_eq!(ask("POST", "/v1/client/stats", &[]).await, (StatusCode::OK, 2, false));
    assert_eq!(ask("GET", "/v1/agent/self", &[]).await, (StatusCode::OK, 1, false));
    let preflight = ask("OPTIONS", "/v1/client/stats", &[(method, "GET")]).await;
    assert_eq!(preflight, (StatusCode::NO_CONTENT, 2, true));
    let preflight = ask("OPTIONS", "/v1/client/stats", &[(method, "PUT")]).await;
    assert_eq!(preflight, (StatusCode::NO_CONTENT, 2, false));
}
