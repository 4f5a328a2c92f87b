//! Nomad 2.0.6's web page watches over websockets. Behind the gateway each of them is an ordinary blocking query.

use std::{net::SocketAddr, time::Duration};

use nomad_acl::AclDeferred;
use nomad_forward::{Agent, CoalescedRequests, StaticDirectory};
use nomad_gateway::{Gateway, ShutdownController, listener::Listener, rewrite::HttpAddrMode};
use nomad_wire::Region;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{FakeAgent, FakeResponse, Socket, send_chunk};

const SERVER: &str = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";
const NODE: &str = "/v1/node/9bb118cc-7630-ebf4-b8b8-c11ee8847863?index=7";

struct TestGateway {
    address: SocketAddr,
    server: FakeAgent,
    coalesced_requests: CoalescedRequests,
    _stopper: ShutdownController,
    _tasks: JoinSet<()>,
}

async fn start_gateway() -> TestGateway {
    let mut tasks = JoinSet::new();
    let server = FakeAgent::start(&mut tasks, |path| match path {
        path if path.starts_with("/v1/allocation/") => {
            FakeResponse::Complete(500, "rpc error: Unknown allocation \"x\"".into())
        }
        _ => FakeResponse::StreamWithLateHead,
    })
    .await;
    let region = Region::default();
    let table = StaticDirectory::builder(region.clone())
        .agent(Agent::server("server1", SERVER.parse().unwrap(), region, server.address).unwrap())
        .build();
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.address();
    let (stopper, shares) = (ShutdownController::new(Duration::ZERO), CoalescedRequests::default());
    let gateway = Gateway::new(table, AclDeferred)
        .http_addr_mode(HttpAddrMode::Blank)
        .coalesced_requests(shares.clone());
    tasks.spawn(gateway.serve(listener, stopper.subscribe()));
    TestGateway { address, server, coalesced_requests: shares, _stopper: stopper, _tasks: tasks }
}

impl TestGateway {
    /// A page's websocket; its token comes in the first message.
    async fn watch(&self, path: &str) -> Socket {
        let path = format!("{path}&ws_handshake=true&region=global");
        let watcher = [("sec-websocket-protocol", "nomad-watcher")];
        let mut socket = Socket::open(self.address, &path, &watcher).await.unwrap();
        socket.send(r#"{"version":1,"auth_token":"secret"}"#).await;
        socket
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_of_one_thing_share_a_request_and_get_what_a_request_brings() {
    let front = start_gateway().await;
    let mut first = front.watch(NODE).await;
    let feeder = front.server.stream(0).await;
    let mut second = front.watch(NODE).await;
    while front.coalesced_requests.coalesced_total() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    send_chunk(&feeder, r#"{"ID":"9bb118cc","HTTPAddr":"10.0.0.1:4646"}"#);
    drop(feeder);
    for socket in [&mut first, &mut second] {
        let Some(Message::Text(text)) = socket.receive().await else { panic!("no message") };
        let message: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(message["payload"], json!({"ID": "9bb118cc", "HTTPAddr": ""}));
        assert_eq!(message["headers"]["X-Nomad-Gateway-Agent"], json!(["server1.global"]));
        assert_eq!(socket.close_frame().await, (1000, "request complete".into()));
    }
    let heads = front.server.heads();
    assert_eq!(heads.len(), 1, "{heads:?}");
    let head = heads[0].to_ascii_lowercase();
    assert!(head.starts_with(&format!("get {NODE}&region=global http/1.1\r\n")), "{head}");
    assert!(head.contains("x-nomad-token: secret\r\n"), "{head}");
    assert!(!head.contains("upgrade") && !head.contains("websocket"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_closes_with_the_code_that_its_text_means() {
    let front = start_gateway().await;
    let mut socket =
        front.watch("/v1/allocation/13651909-dd6d-35ce-5da0-5004769668b3?index=7").await;
    let unknown = "rpc error: Unknown allocation \"x\"";
    assert_eq!(socket.close_frame().await, (1008, unknown.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_goes_away_ends_its_request() {
    let front = start_gateway().await;
    let socket = front.watch(NODE).await;
    let _feeder = front.server.stream(0).await;
    drop(socket);
    front.server.wait_streams_ended(1).await;
    let mut socket = front.watch(NODE).await;
    let _feeder = front.server.stream(1).await;
    socket.close().await;
    front.server.wait_streams_ended(2).await;
}
