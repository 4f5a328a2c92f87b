//! Calls that name their node in the body, as Nomad's commands and its Go client do.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::support::{TestCluster, TestResponse, get, send};

async fn send_json(world: &TestCluster, method: &str, path: &str, body: &Value) -> TestResponse {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
    send(world.gateway, request).await
}

async fn fetch(world: &TestCluster, call: &str, name: &str) -> Value {
    get(world.agent(name).1, &format!("/v1/client/{call}")).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_changed_on_the_client_that_the_body_names() {
    let world = TestCluster::start().await;
    for (name, other) in [("client1", "client2"), ("client2", "client1")] {
        let body = json!({ "NodeID": world.node(name), "Meta": { "of": name } });
        let before = fetch(&world, "metadata", other).await;
        let answer = send_json(&world, "POST", "/v1/client/metadata", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-nomad-gateway-path"), Some("direct"));
        assert_eq!(answer.header("x-nomad-gateway-agent"), Some(name));
        assert_eq!(answer.json()["Meta"]["of"], name);
        assert_eq!(fetch(&world, "metadata", name).await["Meta"]["of"], name);
        assert_eq!(fetch(&world, "metadata", other).await, before, "another node was changed");
    }
    let none =
        send_json(&world, "POST", "/v1/client/metadata", &json!({ "Meta": { "of": "x" } })).await;
    assert_eq!(
        (none.status.as_u16(), &*none.text()),
        (400, "No local Node and node_id not provided")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_is_renewed_on_the_client_that_the_body_names() {
    let world = TestCluster::start().await;
    let path = format!("/v1/client/identity/renew?node_id={}", world.node("client1"));
    for (method, path) in [
        ("PUT", "/v1/client/identity/renew"),
        ("POST", "/v1/client/identity/renew"),
        // Nomad reads the query first, and lets the body overwrite it.
        ("PUT", &*path),
    ] {
        let of = async |name| fetch(&world, "identity", name).await["Claims"]["jti"].clone();
        let (before, other) = (of("client2").await, of("client1").await);
        let answer =
            send_json(&world, method, path, &json!({ "NodeID": world.node("client2") })).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-nomad-gateway-path"), Some("direct"));
        assert_eq!(answer.header("x-nomad-gateway-agent"), Some("client2"));
        while of("client2").await == before {
            tokio::task::yield_now().await;
        }
        assert_eq!(of("client1").await, other, "another node's identity was renewed");
    }
}
