//! The gateway's own telemetry: its admin endpoints, metrics and the access log.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use http::{Method, Request};
use http_body_util::Full;
use nomad_acl::tokens::TokenTable;
use nomad_forward::{Agent, StaticDirectory};
use nomad_gateway::{
    Gateway, ShutdownController, SystemClock,
    listener::Listener,
    telemetry::{AccessLog, Metrics},
};
use nomad_wire::Region;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{task::JoinSet, time::timeout};

use crate::support::{EchoAgent, Script, Socket, Stream, TestResponse, get, send, start_scripted};

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
const SERVER: &str = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";
const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";
const SECRET: &str = "7e8fbb01-bbbc-d276-9c14-e17fbe5de1b3";
const READ_ONLY_SECRET: &str = "d8d8a6f5-3cb6-0a0b-3b6a-5a8a2f0f8f9b";
const TOKENS: &str = r#"{
  "policies": [{ "name": "nothing", "rules": "agent { policy = \"deny\" }" }],
  "tokens": [
    { "secret": "7e8fbb01-bbbc-d276-9c14-e17fbe5de1b3", "type": "management",
      "accessor": "5a8a2f0f-3cb6-0a0b-3b6a-d8d8a6f58f9b", "name": "operator \"one\"" },
    { "secret": "d8d8a6f5-3cb6-0a0b-3b6a-5a8a2f0f8f9b", "policies": ["nothing"],
      "accessor": "0a0b3cb6-3b6a-5a8a-2f0f-d8d8a6f58f9b" }
  ]
}"#;

struct TestGateway {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    controller: ShutdownController,
    log: PathBuf,
    _dir: TempDir,
    _tasks: JoinSet<()>,
}

/// A gateway that requires tokens, in front of a server and a client agent at this address.
async fn start_gateway_with(mut tasks: JoinSet<()>, client: SocketAddr) -> TestGateway {
    let server = start_scripted(&mut tasks, Script::Serve("server")).await;
    let region = Region::default();
    let table = StaticDirectory::builder(region.clone())
        .agent(Agent::server("server1", SERVER.parse().unwrap(), region.clone(), server).unwrap())
        .agent(Agent::client("client1", NODE.parse().unwrap(), region, client).unwrap())
        .build();
    table.insert_allocation(ALLOC.parse().unwrap(), NODE.parse().unwrap(), "default".into());
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.address();
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("access.log");
    let metrics = Arc::new(Metrics::new());
    let stopper = ShutdownController::new(Duration::from_secs(3600));
    let gateway = Gateway::new(table, TokenTable::from_json(TOKENS, SystemClock::start()).unwrap())
        .metrics(Arc::clone(&metrics))
        .access_log(AccessLog::file(&log).unwrap());
    tokio::spawn(gateway.serve(listener, stopper.subscribe()));
    TestGateway { address, metrics, controller: stopper, log, _dir: dir, _tasks: tasks }
}

async fn start_gateway(script: Script) -> TestGateway {
    let mut tasks = JoinSet::new();
    let client = start_scripted(&mut tasks, script).await;
    start_gateway_with(tasks, client).await
}

impl TestGateway {
    async fn send(&self, method: Method, path: &str, token: Option<&str>) -> TestResponse {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("x-nomad-token", token);
        }
        send(self.address, request.body(Full::default()).unwrap()).await
    }

    /// Waits until the log has this many lines, and returns them.
    async fn lines(&self, count: usize) -> Vec<Value> {
        let read = async {
            loop {
                let text = std::fs::read_to_string(&self.log).unwrap();
                assert!(
                    !text.contains(SECRET) && !text.contains(READ_ONLY_SECRET),
                    "a secret: {text}"
                );
                let lines: Vec<&str> = text.lines().collect();
                if lines.len() >= count && text.ends_with('\n') {
                    return lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(20), read).await.expect("the log has no such line")
    }

    /// Waits until a sample has this value.
    async fn wait_for_sample(&self, sample: &str) {
        let seen = async {
            while !self.metrics.open_metrics_text().lines().any(|line| line == sample) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let seen = timeout(Duration::from_secs(20), seen).await;
        assert!(seen.is_ok(), "{sample} is not in {}", self.metrics.open_metrics_text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_calls_require_agent_read_but_health() {
    let front = start_gateway(Script::Serve("{}")).await;
    for path in ["/v1/gateway/metrics", "/v1/gateway/fleet"] {
        for token in [None, Some(READ_ONLY_SECRET), Some("nobody")] {
            let answer = front.send(Method::GET, path, token).await;
            let seen = (answer.status.as_u16(), answer.text());
            assert_eq!(seen, (403, "Permission denied".into()), "{path} {token:?}");
        }
        let answer = front.send(Method::GET, path, Some(SECRET)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("x-nomad-gateway-path"), Some("here"), "{path}");
        assert_eq!(front.send(Method::PUT, path, Some(SECRET)).await.status, 405, "{path}");
    }
    let unknown = front.send(Method::GET, "/v1/gateway/else", Some(SECRET)).await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.header("x-nomad-gateway-path")),
        (404, Some("here"))
    );
    let health = get(front.address, "/v1/gateway/health").await;
    assert_eq!(health.status, 200);
    assert_eq!(health.json()["gateway"]["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fleet_is_told_with_reasons() {
    let mut tasks = JoinSet::new();
    let gone = start_scripted(&mut tasks, Script::Serve("")).await;
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
    let front = start_gateway_with(JoinSet::new(), gone).await;
    let stats = format!("/v1/client/stats?node_id={NODE}");
    assert_eq!(front.send(Method::GET, &stats, Some(SECRET)).await.status, 404);
    let fleet = front.send(Method::GET, "/v1/gateway/fleet", Some(SECRET)).await.json();
    let [server, client] = fleet["agents"].as_array().unwrap().as_slice() else {
        panic!("{fleet}")
    };
    assert_eq!(server["name"], "server1.global");
    assert_eq!((&server["role"], &server["id"]), (&"server".into(), &SERVER.into()));
    assert_eq!(server["standing"], "direct");
    assert_eq!(client["standing"], "avoided");
    assert_eq!(client["address"], gone.to_string());
    assert!(client["why"].as_str().unwrap().starts_with("a connection failed 0."), "{client}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_what_they_ask_and_how_they_end() {
    let front = start_gateway(Script::Serve("12345")).await;
    let stats = format!("/v1/client/stats?node_id={NODE}");
    for _ in 0..3 {
        assert_eq!(front.send(Method::GET, &stats, Some(SECRET)).await.text(), "12345");
    }
    assert_eq!(front.send(Method::GET, &stats, None).await.status, 403);
    assert_eq!(front.send(Method::GET, "/v1/jobs", None).await.text(), "server");
    let name = "nomad_gateway_requests_total";
    front
        .wait_for_sample(&format!("{name}{{route=\"client\",status=\"200\",path=\"direct\"}} 3"))
        .await;
    front
        .wait_for_sample(&format!("{name}{{route=\"client\",status=\"403\",path=\"none\"}} 1"))
        .await;
    front
        .wait_for_sample(&format!("{name}{{route=\"pass\",status=\"200\",path=\"pass\"}} 1"))
        .await;
    front.wait_for_sample("nomad_gateway_request_duration_seconds_count{route=\"client\"} 4").await;
    let bytes = 3 * "12345".len() + "Permission denied".len();
    front
        .wait_for_sample(&format!("nomad_gateway_response_bytes_total{{route=\"client\"}} {bytes}"))
        .await;
    front.wait_for_sample("nomad_gateway_relay_avoided_requests_total 3").await;
    front.wait_for_sample("nomad_gateway_relay_avoided_bytes_total 15").await;
    front.wait_for_sample("nomad_gateway_streams_open{route=\"client\"} 0").await;
    front.metrics.register_counter("cache_hits", "Hits of a cache", || 7);
    let answer = front.send(Method::GET, "/v1/gateway/metrics", Some(SECRET)).await;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(kind));
    assert!(answer.text().contains("\nnomad_gateway_cache_hits_total 7\n"), "{}", answer.text());
    assert!(!answer.text().contains("# EOF"), "OpenMetrics was not requested");
    let request = Request::get("/v1/gateway/metrics").header("x-nomad-token", SECRET);
    let request = request.header("accept", "application/openmetrics-text; version=1.0.0");
    let answer = send(front.address, request.body(Full::default()).unwrap()).await;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(kind));
    assert!(answer.text().ends_with("# EOF\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_open_until_its_client_leaves() {
    let begun = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n";
    let mut tasks = JoinSet::new();
    let client = start_scripted(&mut tasks, Script::SendAndHold(begun)).await;
    let front = start_gateway_with(tasks, client).await;
    let path = format!("/v1/client/fs/logs/{ALLOC}?task=a&type=stdout&follow=true");
    let refused = Stream::open(front.address, &path).await;
    assert_eq!(refused.status, 403);
    drop(refused);
    let request = Request::get(&path).header("x-nomad-token", SECRET);
    let mut stream = Stream::send(front.address, request.body(Full::default()).unwrap()).await;
    assert_eq!(stream.next().await.unwrap().unwrap(), "{}");
    front.wait_for_sample("nomad_gateway_streams_open{route=\"logs\"} 1").await;
    drop(stream);
    front.wait_for_sample("nomad_gateway_streams_open{route=\"logs\"} 0").await;
    let lines = front.lines(2).await;
    assert_eq!((&lines[1]["complete"], &lines[1]["bytes"]), (&false.into(), &2.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_who_did_what_where_and_no_secret() {
    let front = start_gateway(Script::Serve("12345")).await;
    let path = format!("/v1/client/fs/cat/{ALLOC}?path=alloc/{SECRET}");
    assert_eq!(front.send(Method::GET, &path, Some(SECRET)).await.status, 200);
    let line = front.lines(1).await.remove(0);
    for (key, value) in [
        ("accessor", "5a8a2f0f-3cb6-0a0b-3b6a-d8d8a6f58f9b"),
        ("token_name", "operator \"one\""),
        ("method", "GET"),
        ("path", &*format!("/v1/client/fs/cat/{ALLOC}")),
        ("route", "files"),
        ("capability", "namespace:read-fs"),
        ("allocation", ALLOC),
        ("agent", "client1"),
        ("via", "direct"),
    ] {
        assert_eq!(line[key], value, "{key} in {line}");
    }
    assert_eq!((&line["status"], &line["bytes"]), (&200.into(), &5.into()));
    assert_eq!(line["complete"], true);
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0, "{line}");
    assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
    assert!(line["remote"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    assert!(line["request_id"].is_string(), "{line}");

    assert_eq!(front.send(Method::GET, &path, Some(READ_ONLY_SECRET)).await.status, 403);
    let line = front.lines(2).await.remove(1);
    assert_eq!(line["accessor"], "0a0b3cb6-3b6a-5a8a-2f0f-d8d8a6f58f9b");
    assert_eq!((&line["status"], &line["agent"]), (&403.into(), &Value::Null));
    assert_eq!(front.send(Method::GET, &path, Some("nobody")).await.status, 403);
    assert_eq!(front.lines(3).await[2]["accessor"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_left_has_no_status() {
    let front = start_gateway(Script::SendAndHold("")).await;
    let stats = format!("/v1/client/stats?node_id={NODE}");
    let waiting = front.send(Method::GET, &stats, Some(SECRET));
    assert!(timeout(Duration::from_millis(200), waiting).await.is_err());
    let line = front.lines(1).await.remove(0);
    assert_eq!((&line["status"], &line["complete"]), (&Value::Null, &false.into()));
    let sample = "nomad_gateway_requests_total{route=\"client\",status=\"499\",path=\"none\"} 1";
    front.wait_for_sample(sample).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_told_when_it_has_ended() {
    let mut tasks = JoinSet::new();
    let agent = EchoAgent::start(&mut tasks).await;
    let front = start_gateway_with(tasks, agent.address).await;
    let path = format!("/v1/client/allocation/{ALLOC}/exec?ws_handshake=true");
    let mut socket = Socket::open(front.address, &path, &[]).await.unwrap();
    socket.send(&format!("{{\"version\":1,\"auth_token\":\"{SECRET}\"}}")).await;
    assert!(socket.receive().await.is_some());
    front.wait_for_sample("nomad_gateway_websockets_open 1").await;
    drop(socket);
    let line = front.lines(1).await.remove(0);
    assert_eq!((&line["route"], &line["agent"]), (&"exec".into(), &"client1".into()), "{line}");
    assert_eq!(line["accessor"], "5a8a2f0f-3cb6-0a0b-3b6a-d8d8a6f58f9b");
    assert!(
        line["bytes"].as_u64() > Some(0) && line["bytes_to_agent"].as_u64() > Some(60),
        "{line}"
    );
    front.wait_for_sample("nomad_gateway_websockets_open 0").await;

    let mut socket = Socket::open(front.address, &path, &[]).await.unwrap();
    socket.send("{\"version\":1}").await;
    assert_eq!(socket.close_frame().await.0, 1008);
    drop(socket);
    let line = front.lines(2).await.remove(1);
    assert_eq!((&line["close"], &line["accessor"]), (&1008.into(), &Value::Null), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_go_on_while_the_gateway_drains_and_end_with_it() {
    let begun = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n";
    let front = start_gateway(Script::SendAndHold(begun)).await;
    let path = format!("/v1/client/fs/logs/{ALLOC}?task=a&type=stdout&follow=true");
    let request = Request::get(&path).header("x-nomad-token", SECRET);
    let mut stream = Stream::send(front.address, request.body(Full::default()).unwrap()).await;
    assert_eq!(stream.next().await.unwrap().unwrap(), "{}");
    front.controller.start_drain();
    let refused = async {
        while tokio::net::TcpStream::connect(front.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(20), refused).await.expect("new connections are still accepted");
    front.wait_for_sample("nomad_gateway_streams_open{route=\"logs\"} 1").await;
    front.controller.close_now();
    assert!(stream.next().await.is_none_or(|piece| piece.is_err()));
    front.wait_for_sample("nomad_gateway_streams_open{route=\"logs\"} 0").await;
}
