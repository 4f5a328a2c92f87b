//! Resumed streams, on request: rotations, restarts, the end of a task, and output formats other than frames.

mod log;
mod resume;
mod rotation;
mod until;

use std::{net::SocketAddr, time::Duration};

use http::Request;
use http_body_util::Full;
use nomad_acl::AclDisabled;
use nomad_forward::{Agent, StaticDirectory};
use nomad_gateway::{Gateway, ShutdownController, listener::Listener};
use nomad_wire::Region;
use tokio::task::JoinSet;

use self::log::{FILE, data, frame};
use crate::support::{FakeAgent, FakeResponse, Feed, Feeder, Stream, send_chunk};

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
const SERVER: &str = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";
const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";

struct TestGateway {
    address: SocketAddr,
    agent: FakeAgent,
    server: FakeAgent,
    _stopper: ShutdownController,
    _tasks: JoinSet<()>,
}

/// A gateway in front of a client agent with these responses, and a server that knows the allocation.
async fn start_gateway<A, S>(agent: A, server: S) -> TestGateway
where
    A: Fn(&str) -> FakeResponse + Send + Sync + 'static,
    S: Fn(&str) -> FakeResponse + Send + Sync + 'static,
{
    let mut tasks = JoinSet::new();
    let agent = FakeAgent::start(&mut tasks, agent).await;
    let server = FakeAgent::start(&mut tasks, server).await;
    let region = Region::default();
    let node = NODE.parse().unwrap();
    let table = StaticDirectory::builder(region.clone())
        .agent(Agent::client("client1", node, region.clone(), agent.address).unwrap())
        .agent(Agent::server("s1", SERVER.parse().unwrap(), region, server.address).unwrap())
        .build();
    table.insert_allocation(ALLOC.parse().unwrap(), node, "default".into());
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.address();
    let stopper = ShutdownController::new(Duration::ZERO);
    tasks.spawn(Gateway::new(table, AclDisabled).serve(listener, stopper.subscribe()));
    TestGateway { address, agent, server, _stopper: stopper, _tasks: tasks }
}

fn not_found(_: &str) -> FakeResponse {
    FakeResponse::Complete(404, "nothing".into())
}

fn logs(more: &str) -> String {
    format!("/v1/client/fs/logs/{ALLOC}?task=web&type=stdout&follow=true{more}")
}

fn stream(more: &str) -> String {
    format!("/v1/client/fs/stream/{ALLOC}?path=a.txt{more}")
}

async fn open(front: &TestGateway, path: &str) -> (Stream, Feeder) {
    let (stream, feeder) = tokio::join!(Stream::open(front.address, path), front.agent.stream(0));
    assert_eq!(stream.status, 200);
    (stream, feeder)
}

/// Everything up to the end of the stream.
async fn read_rest(stream: &mut Stream) -> String {
    let mut seen = String::new();
    while let Some(piece) = stream.next().await {
        seen.push_str(&String::from_utf8_lossy(&piece.unwrap()));
    }
    seen
}

/// Reads until the data of the frames equals this.
async fn read_until_data(stream: &mut Stream, expect: &str) -> String {
    let seen = stream.read_until(|seen| data(seen).len() >= expect.len()).await;
    assert_eq!(data(&seen), expect);
    seen
}

async fn open_with_accept(
    front: &TestGateway,
    path: &str,
    kind: &str,
    headers: &[(&str, &str)],
) -> (Stream, Feeder) {
    let mut request = Request::get(path).header("accept", kind).header("accept-encoding", "gzip");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::default()).unwrap();
    let (stream, feeder) =
        tokio::join!(Stream::send(front.address, request), front.agent.stream(0));
    assert_eq!(stream.headers["content-type"], kind);
    (stream, feeder)
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_as_server_sent_events() {
    let front = start_gateway(|_| FakeResponse::Stream, not_found).await;
    let (mut stream, feeder) = open_with_accept(&front, &logs(""), "text/event-stream", &[]).await;
    assert_eq!(stream.headers["cache-control"], "no-store");
    let first = frame(0, "aaa\n", 4);
    send_chunk(&feeder, first.clone() + "{}");
    send_chunk(&feeder, "failed to list entries: gone");
    drop(feeder);
    let expect = format!(
        "id: 4 {FILE}0\ndata: {first}\n\n:\n\nevent: error\ndata: failed to list entries: gone\n\n"
    );
    assert_eq!(read_rest(&mut stream).await, expect);
    assert!(!front.agent.heads()[0].contains("gzip"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_as_a_frame_a_line() {
    let front = start_gateway(|_| FakeResponse::Stream, not_found).await;
    let path = format!("/v1/agent/monitor?node_id={NODE}");
    let (mut stream, feeder) = open_with_accept(&front, &path, "application/x-ndjson", &[]).await;
    assert_eq!(stream.headers["x-nomad-gateway-stream"], "shared, ndjson");
    let line = r#"{"Data":"YQo=","FileEvent":"log"}"#;
    send_chunk(&feeder, format!("{{}}{line}"));
    let expect = format!("{{}}\n{line}\n");
    assert_eq!(stream.read_until(|seen| seen.len() >= expect.len()).await, expect);
    assert!(feeder.send(Feed::Break).is_ok());
    assert!(stream.next().await.unwrap().is_err(), "a break is a break in every form");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_an_error_in_every_form() {
    let front =
        start_gateway(|_| FakeResponse::Complete(404, "Unknown allocation".into()), not_found)
            .await;
    let request = Request::get(logs("")).header("accept", "text/event-stream");
    let stream = Stream::send(front.address, request.body(Full::default()).unwrap()).await;
    assert_eq!(stream.status, 404);
}
