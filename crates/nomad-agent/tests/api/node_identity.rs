//! `/v1/client/identity` and `identity/renew`.

use std::{path::Path, sync::Arc, time::Duration};

use nomad_agent::{
    Agent, AgentConfig, PEER_IDENTITY_PATH, RemoteMembership, Role, Roster, peer_service,
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tower_service::Service as _;

use crate::{
    fixture::{SOON, UNKNOWN},
    support::{get, get_as, send, start, start_alone},
};

const IDENTITY: &str = "/v1/client/identity";
const RENEW: &str = "/v1/client/identity/renew";
const NONE: (u16, &str) = (500, "node does not have a JWT identity token");

/// The claims of a node that has an identity.
async fn claims(agent: &Agent) -> Value {
    let answer = get(agent, IDENTITY).await.json();
    assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
    answer["Claims"].clone()
}

/// Waits until the identity differs from `old`, or there is one at all.
async fn changed(agent: &Agent, old: &Value) -> Value {
    let changed = async {
        loop {
            let answer = get(agent, IDENTITY).await;
            if answer.status == 200 && answer.json()["Claims"]["jti"] != old["jti"] {
                return answer.json()["Claims"].clone();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, changed).await.unwrap()
}

/// Serves peers at this address until it is dropped.
struct RpcServer(JoinHandle<()>);

impl Drop for RpcServer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves the address that the server advertises.
async fn serve_rpc(agent: &Agent) -> RpcServer {
    let listener = TcpListener::bind(agent.config().rpc).await.unwrap();
    let service = peer_service(agent.clone());
    RpcServer(tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            let service = hyper::service::service_fn(move |request| service.clone().call(request));
            let http = hyper::server::conn::http1::Builder::new();
            let io = hyper_util::rt::TokioIo::new(socket);
            drop(http.serve_connection(io, service).await);
        }
    }))
}

/// A server of region `eu` that does not serve its peers yet, at a free address.
async fn server() -> Agent {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = AgentConfig {
        region: "eu".to_owned(),
        rpc: listener.local_addr().unwrap(),
        ..AgentConfig::new("server1", Role::Server)
    };
    start(config, &Arc::new(Roster::new())).await
}

fn with_data(dir: &Path, name: &str) -> AgentConfig {
    AgentConfig { data_dir: Some(dir.join(name)), ..AgentConfig::new(name, Role::Client) }
}

/// A client that uses this server.
async fn start_client_of(server: &Agent, config: AgentConfig) -> Agent {
    let remote = RemoteMembership::start(vec![server.config().rpc.to_string()]).await;
    Agent::builder(config).membership(Arc::new(remote)).start().await.unwrap()
}

#[tokio::test]
async fn the_nine_claims_of_a_node_are_shown() {
    for role in [Role::Client, Role::Both] {
        let agent = start_alone(role).await;
        let id = agent.node_id().unwrap().to_string();
        for query in [String::new(), format!("?node_id={id}"), "?node_id=".to_owned()] {
            let answer = get(&agent, &format!("{IDENTITY}{query}")).await.json();
            let claims = answer["Claims"].as_object().unwrap();
            let names: Vec<_> = claims.keys().map(String::as_str).collect();
            let nine = ["aud", "exp", "iat", "jti", "nbf"].into_iter();
            let nine = nine.chain(["nomad_node_datacenter", "nomad_node_id", "nomad_node_pool"]);
            assert_eq!(names, nine.chain(["sub"]).collect::<Vec<_>>());
            for (name, value) in [
                ("aud", "nomadproject.io"),
                ("nomad_node_datacenter", "dc1"),
                ("nomad_node_id", &id),
                ("nomad_node_pool", "default"),
                ("sub", &format!("node:global:default:{id}:default")),
            ] {
                assert_eq!(claims[name], value, "{name}");
            }
            let number = |name: &str| claims[name].as_f64().unwrap();
            assert_eq!(number("exp") - number("iat"), 86_400.0);
            assert_eq!(number("nbf"), number("iat"));
            assert!(claims["jti"].as_str().unwrap().parse::<uuid::Uuid>().is_ok());
        }
        // Numbers are floating-point ones, as Nomad reads them.
        assert!(get(&agent, IDENTITY).await.text.contains(".0,\"iat\":"));
    }
}

#[tokio::test]
async fn a_renewal_brings_a_new_identity() {
    let agent = start_alone(Role::Client).await;
    let id = agent.node_id().unwrap();
    let mut old = claims(&agent).await;
    for (method, path, body) in [
        ("PUT", RENEW.to_owned(), String::new()),
        ("POST", RENEW.to_owned(), "{}".to_owned()),
        ("PUT", format!("{RENEW}?node_id={id}"), String::new()),
        ("POST", RENEW.to_owned(), format!(r#"{{"NodeID":"{id}"}}"#)),
        // The body takes precedence.
        ("PUT", format!("{RENEW}?node_id={UNKNOWN}"), format!(r#"{{"NodeID":"{id}"}}"#)),
    ] {
        let answer = send(&agent, method, &path, &body).await;
        answer.json();
        assert_eq!(answer.text, "{}");
        old = changed(&agent, &old).await;
    }
}

#[tokio::test]
async fn refusals_are_nomads() {
    let agent = start_alone(Role::Client).await;
    let wrong = (405, "Invalid method");
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        assert_eq!(send(&agent, method, IDENTITY, "").await.refusal(), wrong, "{method}");
    }
    for method in ["GET", "DELETE", "PATCH", "OPTIONS"] {
        assert_eq!(send(&agent, method, RENEW, "").await.refusal(), wrong, "{method}");
    }
    let unknown = format!("Unknown node {UNKNOWN}");
    let unknown = (500, unknown.as_str());
    let path = format!("{IDENTITY}?node_id={UNKNOWN}");
    assert_eq!(get(&agent, &path).await.refusal(), unknown);
    let path = format!("{RENEW}?node_id={UNKNOWN}");
    assert_eq!(send(&agent, "PUT", &path, "").await.refusal(), unknown);
    let body = format!(r#"{{"NodeID":"{UNKNOWN}"}}"#);
    let own = format!("{RENEW}?node_id={}", agent.node_id().unwrap());
    assert_eq!(send(&agent, "PUT", &own, &body).await.refusal(), unknown);
    assert_eq!(send(&agent, "PUT", RENEW, "{").await.refusal(), (400, "unexpected EOF"));
    let server = start_alone(Role::Server).await;
    let nobody = (400, "no local Node and node_id not provided");
    assert_eq!(get(&server, IDENTITY).await.refusal(), nobody);
    assert_eq!(send(&server, "PUT", RENEW, "").await.refusal(), nobody);
    for token in ["", "agent-write"] {
        assert_eq!(get_as(&agent, token, IDENTITY).await.refusal(), (403, "Permission denied"));
    }
    get_as(&agent, "node-read", IDENTITY).await.json();
}

#[tokio::test]
async fn an_identity_is_kept_over_a_restart_and_is_that_of_the_node() {
    let dir = tempfile::tempdir().unwrap();
    let config = with_data(dir.path(), "client1");
    let roster = Arc::new(Roster::new());
    let agent = start(config.clone(), &roster).await;
    let first = claims(&agent).await;
    drop(agent);
    let agent = start(config.clone(), &roster).await;
    assert_eq!(claims(&agent).await, first);
    drop(agent);
    // Both files are for their owner alone.
    for file in ["identity", "identity-key"] {
        use std::os::unix::fs::PermissionsExt as _;
        let kept = std::fs::metadata(dir.path().join("client1/client").join(file)).unwrap();
        assert_eq!(kept.permissions().mode() & 0o777, 0o600, "{file}");
    }
    // In another datacenter it is another node.
    let moved = AgentConfig { datacenter: "dc2".to_owned(), ..config };
    let agent = start(moved, &roster).await;
    let second = claims(&agent).await;
    assert_eq!(second["nomad_node_datacenter"], "dc2");
    assert_ne!(second["jti"], first["jti"]);
}

#[tokio::test]
async fn a_server_signs_for_its_clients() {
    let dir = tempfile::tempdir().unwrap();
    let server = server().await;
    let served = serve_rpc(&server).await;
    let client = start_client_of(&server, with_data(dir.path(), "client1")).await;
    let first = claims(&client).await;
    let id = client.node_id().unwrap();
    // The region is the server's, which shows that the server signed it.
    assert_eq!(first["sub"], format!("node:eu:default:{id}:default"));
    assert!(!dir.path().join("client1/client/identity-key").exists());
    send(&client, "PUT", RENEW, "").await.json();
    let second = changed(&client, &first).await;

    // Without its server a node keeps its identity, and renews it when there is one again.
    drop(served);
    send(&client, "PUT", RENEW, "").await.json();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(claims(&client).await, second);
    let _served = serve_rpc(&server).await;
    changed(&client, &second).await;
}

#[tokio::test]
async fn who_is_not_signed_for_has_no_identity() {
    let dir = tempfile::tempdir().unwrap();
    let server = server().await;
    let served = serve_rpc(&server).await;
    let client = start_client_of(&server, with_data(dir.path(), "client1")).await;
    claims(&client).await;
    // A node that knows the id and not the secret.
    let id = client.node_id().unwrap().to_string();
    std::fs::create_dir_all(dir.path().join("client2/client")).unwrap();
    std::fs::write(dir.path().join("client2/client/client-id"), id).unwrap();
    let other = start_client_of(&server, with_data(dir.path(), "client2")).await;
    assert_eq!(get(&other, IDENTITY).await.refusal(), NONE);
    // A client that waits for a server does not issue its own identity.
    drop(served);
    let waiting = start_client_of(&server, AgentConfig::new("client3", Role::Client)).await;
    assert_eq!(get(&waiting, IDENTITY).await.refusal(), NONE);
    assert_eq!(send(&waiting, "PUT", RENEW, "").await.text, "{}");
    let _served = serve_rpc(&server).await;
    changed(&waiting, &Value::Null).await;
}

#[tokio::test]
async fn peers_are_told_nothing_else() {
    let server = start_alone(Role::Server).await;
    let mut service = peer_service(server);
    let mut ask = async |method: &str, path: &str, body: &str| {
        let Ok(answer) = service.call(crate::support::request_with(method, path, body)).await;
        answer.status().as_u16()
    };
    assert_eq!(ask("GET", PEER_IDENTITY_PATH, "").await, 404);
    assert_eq!(ask("POST", PEER_IDENTITY_PATH, "").await, 400);
    assert_eq!(ask("POST", PEER_IDENTITY_PATH, r#"{"NodeID":"x"}"#).await, 400);
    assert_eq!(ask("POST", "/v1/peer/members", "").await, 404);
}
