//! Every endpoint, with every way to name an agent: the response through the gateway is that of the agent itself.

use serde_json::{Value, json};

use crate::support::{TestCluster, TestResponse, get, masked};

/// How a call names its agent, and which agent must respond.
struct Target {
    query: String,
    agent: &'static str,
    /// The query for the direct request to the same agent.
    direct: String,
}

fn name_of(agent: &str) -> String {
    if agent.starts_with("server") { format!("{agent}.global") } else { agent.to_owned() }
}

/// Every form of every target of an agent call, and no target.
fn targets(world: &TestCluster) -> Vec<Target> {
    let target = |query: String, agent, direct: String| Target { query, agent, direct };
    let same = |query: String, agent| target(query.clone(), agent, query);
    vec![
        same(String::new(), "server1"),
        same("node_id=&server_id=".to_owned(), "server1"),
        same(format!("node_id={}", world.node("client1")), "client1"),
        same(format!("node_id={}", world.node("client2")), "client2"),
        target("node_id=client2".into(), "client2", format!("node_id={}", world.node("client2"))),
        target(
            format!("node_id={}", &world.node("client1")[..8]),
            "client1",
            format!("node_id={}", world.node("client1")),
        ),
        same("server_id=server2.global".into(), "server2"),
        target("server_id=server3".into(), "server3", "server_id=server3.global".into()),
        same(format!("server_id={}", world.server("server2")), "server2"),
        same("server_id=leader".into(), "server1"),
    ]
}

fn path(base: &str, query: &str) -> String {
    match (base.contains('?'), query.is_empty()) {
        (_, true) => base.to_owned(),
        (true, false) => format!("{base}&{query}"),
        (false, false) => format!("{base}?{query}"),
    }
}

/// Headers that the gateway adds or that belong to one connection.
const GATEWAY_HEADERS: [&str; 6] = [
    "x-nomad-gateway-agent",
    "x-nomad-gateway-path",
    "x-request-id",
    "date",
    "connection",
    "content-length",
];

fn headers(answer: &TestResponse) -> Vec<(String, String)> {
    let visible = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    let all = answer.headers.iter().map(visible);
    all.filter(|(name, _)| !GATEWAY_HEADERS.contains(&name.as_str())).collect()
}

fn body(answer: &TestResponse) -> Value {
    serde_json::from_slice(&answer.body).map_or_else(|_| json!({ "text": answer.text() }), masked)
}

/// Checks that the response through the gateway is the agent's own and names that agent.
async fn check_same_response(world: &TestCluster, through: &str, agent: &str, direct: &str) {
    let (_, address) = world.agent(agent);
    let (through, expected) = (get(world.gateway, through).await, get(address, direct).await);
    let context = format!("{direct} at {agent}");
    assert_eq!(through.status, expected.status, "{context}: {}", through.text());
    assert_eq!(headers(&through), headers(&expected), "{context}");
    assert_eq!(body(&through), body(&expected), "{context}");
    assert_eq!(through.header("x-nomad-gateway-agent"), Some(&*name_of(agent)), "{context}");
    assert!(through.header("x-request-id").is_some(), "{context}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_agent_call_reaches_the_agent_it_names() {
    let world = TestCluster::start().await;
    for base in [
        "/v1/agent/health",
        "/v1/agent/self",
        "/v1/agent/members",
        "/v1/agent/host?pretty",
        "/v1/agent/pprof/cmdline",
        "/v1/agent/pprof/unknown",
    ] {
        for Target { query, agent, direct } in targets(&world) {
            check_same_response(&world, &path(base, &query), agent, &path(base, &direct)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_servers_is_a_clients_and_says_so() {
    let world = TestCluster::start().await;
    for Target { query, agent, direct } in targets(&world) {
        // Without a target: a server has no such list, so a client gets the request.
        let agent =
            if query.is_empty() || query == "node_id=&server_id=" { "client1" } else { agent };
        check_same_response(
            &world,
            &path("/v1/agent/servers", &query),
            agent,
            &path("/v1/agent/servers", &direct),
        )
        .await;
    }
    let servers = get(world.gateway, "/v1/agent/servers").await.json();
    assert_eq!(servers.as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn client_calls_reach_the_node_they_name() {
    let world = TestCluster::start().await;
    let (client1, client2) = (world.node("client1"), world.node("client2"));
    // No allocation ever ran on the second client; its directory has a file system all the same.
    let idle = get(world.gateway, &format!("/v1/client/stats?node_id={client2}")).await.json();
    assert!(idle["AllocDirStats"]["Size"].as_u64().unwrap() > 0, "{idle}");
    for (query, agent, direct) in [
        (String::new(), "server1", String::new()),
        (format!("node_id={client1}"), "client1", format!("node_id={client1}")),
        (format!("node_id={client2}&pretty"), "client2", format!("node_id={client2}&pretty")),
        ("node_id=client2".to_owned(), "client2", format!("node_id={client2}")),
    ] {
        check_same_response(
            &world,
            &path("/v1/client/stats", &query),
            agent,
            &path("/v1/client/stats", &direct),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn allocation_calls_reach_the_client_that_has_it() {
    let world = TestCluster::start().await;
    let id = world.written_allocation().await;
    for base in [
        format!("/v1/client/allocation/{id}/stats"),
        format!("/v1/client/fs/ls/{id}"),
        format!("/v1/client/fs/ls/{id}?path=alloc/logs"),
        format!("/v1/client/fs/stat/{id}?path=clock/local/hello.txt"),
        format!("/v1/client/fs/cat/{id}?path=clock/local/hello.txt"),
        format!("/v1/client/fs/readat/{id}?path=clock/local/hello.txt&offset=3&limit=7"),
        format!("/v1/client/fs/stream/{id}?path=clock/local/hello.txt&follow=false"),
        format!("/v1/client/fs/logs/{id}?task=clock&type=stderr"),
        format!("/v1/client/fs/logs/{id}?task=clock&type=stderr&plain=true"),
        format!("/v1/client/fs/cat/{id}?path=nowhere"),
        format!("/v1/client/fs/logs/{id}?task=nobody&type=stdout"),
    ] {
        check_same_response(&world, &base, "client1", &base).await;
    }
    let part = format!("/v1/client/fs/readat/{id}?path=clock/local/hello.txt&offset=0&limit=12");
    assert_eq!(get(world.gateway, &part).await.text(), "written by t");
}
