//! Calls to a client, sent to an address that is not a client's: the gateway forwards them to the target node.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::support::{TestCluster, TestResponse, get, send};

/// An unknown node, and an unknown allocation.
const UNKNOWN: &str = "01234567-89ab-cdef-0123-456789abcdef";

async fn ask(world: &TestCluster, method: &str, path: &str, body: &str) -> TestResponse {
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    let request = Request::builder().method(method).uri(path).body(body).unwrap();
    send(world.gateway, request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_reached_by_its_id_from_where_no_node_is() {
    let world = TestCluster::start().await;
    for client in ["client1", "client2"] {
        let id = world.node(client);
        for (method, call, body) in [
            ("GET", "stats", ""),
            ("GET", "gc", ""),
            ("GET", "metadata", ""),
            ("POST", "metadata", r#"{"Meta":{"team":"a"}}"#),
            ("GET", "identity", ""),
            ("PUT", "identity/renew", ""),
            ("GET", "stats&tomcat=yes", ""),
        ] {
            let (call, more) = call.split_once('&').unwrap_or((call, ""));
            let path = format!("/v1/client/{call}?node_id={id}&{more}");
            let answer = ask(&world, method, &path, body).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            assert_eq!(answer.header("x-nomad-gateway-agent"), Some(client), "{path}");
        }
    }
    // Without a node's id there is no target, because the address is that of servers.
    for (call, text) in [
        ("stats", "No local Node and node_id not provided"),
        ("gc", "No local Node and node_id not provided"),
        ("metadata", "No local Node and node_id not provided"),
        ("identity", "no local Node and node_id not provided"),
    ] {
        let answer = get(world.gateway, &format!("/v1/client/{call}")).await;
        assert_eq!((answer.status.as_u16(), &*answer.text()), (400, text), "{call}");
    }
    for (call, status) in [("stats", 404), ("gc", 500), ("metadata", 500), ("identity", 500)] {
        let answer = get(world.gateway, &format!("/v1/client/{call}?node_id={UNKNOWN}")).await;
        let text = format!("Unknown node {UNKNOWN}");
        assert_eq!((answer.status.as_u16(), answer.text()), (status, text), "{call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_of_the_fleet_has_an_identity_that_can_be_renewed() {
    let world = TestCluster::start().await;
    let mut ids = Vec::new();
    for client in ["client1", "client2"] {
        let id = world.node(client);
        let path = format!("/v1/client/identity?node_id={id}");
        let claims = || async { get(world.gateway, &path).await.json()["Claims"].clone() };
        let first: Value = claims().await;
        assert_eq!(first.as_object().unwrap().len(), 9, "{first}");
        assert_eq!(first["nomad_node_id"], json!(id));
        let body = format!("{{\"NodeID\":\"{id}\"}}");
        let path = format!("/v1/client/identity/renew?node_id={id}");
        let renewed = ask(&world, "POST", &path, &body).await;
        assert_eq!((renewed.status.as_u16(), &*renewed.text()), (200, "{}"));
        while claims().await["jti"] == first["jti"] {
            tokio::task::yield_now().await;
        }
        ids.push(first["jti"].clone());
        // A server signed it: the client created no key of its own.
        let data = world.agent(client).0.config().data_dir.clone().unwrap();
        assert!(!data.join("client/identity-key").exists());
        assert!(data.join("client/identity").exists());
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allocation_is_looked_for_where_it_is() {
    let world = TestCluster::start().await;
    let id = world.written_allocation().await;
    let unknown = format!("Unknown allocation \"{UNKNOWN}\"");
    let stats = |id: &str| format!("/v1/client/allocation/{id}/stats");
    // The allocation's client responds itself; every other agent, and the gateway for an unknown one, does not know
    // it.
    assert_eq!(get(world.agent("client1").1, &stats(&id)).await.status, 200);
    let through = get(world.gateway, &stats(&id)).await;
    assert_eq!(through.header("x-nomad-gateway-agent"), Some("client1"));
    for agent in ["client1", "client2", "server1"] {
        let answer = get(world.agent(agent).1, &stats(UNKNOWN)).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (404, unknown.clone()), "{agent}");
    }
    let nobodys = get(world.gateway, &stats(UNKNOWN)).await;
    assert_eq!((nobodys.status.as_u16(), nobodys.text()), (404, unknown));
}
