//! Websockets through the gateway: authorized, tunnelled byte for byte, counted and closed.

use std::{net::SocketAddr, time::Duration};

use http::Request;
use http_body_util::Full;
use nomad_acl::tokens::TokenTable;
use nomad_forward::{Agent, StaticDirectory, Tunnels};
use nomad_gateway::{Gateway, ShutdownController, SystemClock, listener::Listener};
use nomad_wire::Region;
use tokio::{task::JoinHandle, task::JoinSet, time::timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{EchoAgent, Script, Socket, get, send, start_scripted};

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
const SERVER: &str = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";
const EXEC: &str = "/v1/client/allocation/13651909-dd6d-35ce-5da0-5004769668b3/exec?task=web&command=%5B%22sh%22%5D";
const TOKENS: &str = r#"{
  "policies": [
    { "name": "exec", "rules": "namespace \"default\" { capabilities = [\"alloc-exec\"] }" },
    { "name": "logs", "rules": "namespace \"default\" { capabilities = [\"read-logs\"] }" }
  ],
  "tokens": [
    { "secret": "may-exec", "policies": ["exec"] },
    { "secret": "may-read", "policies": ["logs"] }
  ]
}"#;

struct TestGateway {
    address: SocketAddr,
    agent: EchoAgent,
    tunnels: Tunnels,
    controller: ShutdownController,
    serving: JoinHandle<()>,
    _tasks: JoinSet<()>,
}

/// A gateway in front of a client agent that serves websockets, or follows a script.
async fn start_gateway_with(
    script: Option<Script>,
    tunnels: Tunnels,
    grace: Duration,
) -> TestGateway {
    let mut tasks = JoinSet::new();
    let agent = EchoAgent::start(&mut tasks).await;
    let client = match script {
        Some(script) => start_scripted(&mut tasks, script).await,
        None => agent.address,
    };
    let server = start_scripted(&mut tasks, Script::Serve("server")).await;
    let region = Region::default();
    let table = StaticDirectory::builder(region.clone())
        .agent(Agent::server("server1", SERVER.parse().unwrap(), region.clone(), server).unwrap())
        .agent(Agent::client("client1", NODE.parse().unwrap(), region, client).unwrap())
        .build();
    let alloc = EXEC.split('/').nth(4).unwrap();
    table.insert_allocation(alloc.parse().unwrap(), NODE.parse().unwrap(), "default".into());
    let tokens = TokenTable::from_json(TOKENS, SystemClock::start()).unwrap();
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.address();
    let stopper = ShutdownController::new(grace);
    let gateway = Gateway::new(table, tokens).tunnels(tunnels.clone());
    let serving = tokio::spawn(gateway.serve(listener, stopper.subscribe()));
    TestGateway { address, agent, tunnels, controller: stopper, serving, _tasks: tasks }
}

async fn start_gateway() -> TestGateway {
    start_gateway_with(None, Tunnels::default(), Duration::ZERO).await
}

impl TestGateway {
    async fn exec(&self, token: &str) -> Result<Socket, (u16, String)> {
        Socket::open(self.address, EXEC, &[("x-nomad-token", token)]).await
    }

    /// With the token in the first message.
    async fn open_with_handshake(&self, message: &str) -> Socket {
        let path = format!("{EXEC}&ws_handshake=true");
        let mut socket = Socket::open(self.address, &path, &[]).await.unwrap();
        socket.send(message).await;
        socket
    }

    async fn wait_no_tunnels(&self) {
        timeout(Duration::from_secs(10), self.tunnels.all_closed())
            .await
            .expect("a tunnel is left");
    }
}

fn handshake(token: &str) -> String {
    format!("{{\"version\": 1,\n \"auth_token\":\"{token}\"}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_token_opens_a_tunnel_that_loses_no_byte() {
    let front = start_gateway().await;
    let mut socket = front.exec("may-exec").await.unwrap();
    assert_eq!(socket.receive().await, Some(Message::text("early")));
    let large = "0123456789abcdef".repeat(64 << 10);
    for text in ["{}", &large, "{\"stdin\":{\"close\":true}}"] {
        socket.send(text).await;
        assert_eq!(socket.receive().await, Some(Message::text(text)));
    }
    assert_eq!((front.tunnels.active(), front.tunnels.total()), (1, 1));

    let heads = front.agent.heads();
    let has = |line: &str| heads[0].contains(&format!("{line}\r\n"));
    assert!(has("upgrade: websocket") && has("connection: Upgrade"), "{heads:?}");
    assert!(has("x-nomad-token: may-exec"), "{heads:?}");
    assert!(has(&format!("host: {}", front.agent.address)), "{heads:?}");
    assert!(heads[0].starts_with(&format!("GET {EXEC} HTTP/1.1")), "{heads:?}");

    // The agent closes the connection, as it does after a command: so does the gateway.
    socket.send("bye").await;
    assert_eq!(socket.receive().await, None);
    drop(socket);
    front.wait_no_tunnels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_is_closed_when_the_client_has_gone() {
    let front = start_gateway().await;
    let mut socket = front.exec("may-exec").await.unwrap();
    socket.send("here").await;
    assert_eq!(socket.receive().await, Some(Message::text("early")));
    drop(socket);
    front.agent.wait_connections_ended(1).await;
    front.wait_no_tunnels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_first_message_is_authorized_and_the_message_goes_on_unchanged() {
    let front = start_gateway().await;
    let mut socket = front.open_with_handshake(&handshake("may-exec")).await;
    assert_eq!(socket.receive().await, Some(Message::text("early")));
    assert_eq!(socket.receive().await, Some(Message::text(handshake("may-exec"))));
    socket.send("{\"tty_size\":{}}").await;
    assert_eq!(socket.receive().await, Some(Message::text("{\"tty_size\":{}}")));
    assert_eq!(front.agent.messages()[0], Message::text(handshake("may-exec")));
    let heads = front.agent.heads();
    assert!(heads[0].contains("ws_handshake=true"), "{heads:?}");
    assert!(
        !heads[0].contains("x-nomad-token"),
        "the token is only in the first message: {heads:?}"
    );
    socket.send("bye").await;
    assert_eq!(socket.receive().await, None);
    drop(socket);
    front.wait_no_tunnels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_with_nomads_code_and_the_agent_is_not_connected() {
    let front = start_gateway().await;
    for message in
        [handshake("may-read"), handshake("nobody"), handshake(""), "{\"version\":1}".into()]
    {
        let mut socket = front.open_with_handshake(&message).await;
        assert_eq!(socket.close_frame().await, (1008, "Permission denied".into()), "{message}");
    }
    let mut socket = front.open_with_handshake(r#"{"version":3,"auth_token":"may-exec"}"#).await;
    assert_eq!(socket.close_frame().await, (1008, "unexpected handshake value: 3".into()));
    let mut socket = front.open_with_handshake("not json").await;
    assert_eq!(socket.close_frame().await.0, 1008);
    for token in ["may-read", "nobody"] {
        let mut socket = front.exec(token).await.unwrap();
        assert_eq!(socket.close_frame().await, (1008, "Permission denied".into()), "{token}");
    }
    let origin = [("x-nomad-token", "may-exec"), ("origin", "https://elsewhere.example")];
    let refused = Socket::open(front.address, EXEC, &origin).await.err();
    assert_eq!(refused, Some((403, "request origin not allowed".into())));
    assert_eq!(front.agent.heads(), Vec::<String>::new());
    front.wait_no_tunnels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_a_command_is_a_close_frame_and_without_an_upgrade_a_status() {
    const UNKNOWN: &str = "5b5f6c4e-1a7b-4f0e-9a55-0d2f8c1f7c11";
    let front = start_gateway().await;
    let exec =
        |id: &str| format!("/v1/client/allocation/{id}/exec?task=web&command=%5B%22sh%22%5D");
    let unknown = format!("Unknown allocation \"{UNKNOWN}\"");
    for (path, code, status, reason) in [
        (exec(UNKNOWN), 1008, 404, unknown.as_str()),
        (exec("5b5f6c4e-1a7b"), 1011, 500, "alloc lookup failed"),
    ] {
        let token = [("x-nomad-token", "may-exec")];
        let mut socket = Socket::open(front.address, &path, &token).await.unwrap();
        let (closed, said) = socket.close_frame().await;
        assert_eq!(closed, code, "{path}: {said}");
        assert!(said.starts_with(reason), "{path}: {said}");
        assert_eq!(socket.receive().await, None);
        let request = Request::get(&path).header("x-nomad-token", "may-exec");
        let answer = send(front.address, request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(answer.text().starts_with(reason), "{path}: {}", answer.text());
    }
    // A request that is no command is refused as before.
    let refused = Socket::open(front.address, "/v1/jobs", &[]).await.err();
    assert_eq!(refused.map(|(status, _)| status), Some(200));
    assert_eq!(front.agent.heads(), Vec::<String>::new());
    front.wait_no_tunnels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_agent_passes() {
    let refusal = "HTTP/1.1 404 Not Found\r\ncontent-length: 17\r\n\r\ntask is not there";
    let front =
        start_gateway_with(Some(Script::SendAndClose(refusal)), Tunnels::default(), Duration::ZERO)
            .await;
    let mut socket = front.exec("may-exec").await.unwrap();
    assert_eq!(socket.close_frame().await, (1008, "task is not there".into()));
    let mut socket = front.open_with_handshake(&handshake("may-exec")).await;
    assert_eq!(socket.close_frame().await, (1008, "task is not there".into()));
    front.wait_no_tunnels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_breaks_is_an_internal_fault() {
    let front =
        start_gateway_with(Some(Script::SendAndClose("")), Tunnels::default(), Duration::ZERO)
            .await;
    let mut socket = front.exec("may-exec").await.unwrap();
    assert_eq!(socket.close_frame().await.0, 1011);
    let mut socket = front.open_with_handshake(&handshake("may-exec")).await;
    assert_eq!(socket.close_frame().await.0, 1011);
}

#[tokio::test(flavor = "multi_thread")]
async fn agent_calls_are_served_without_an_upgrade() {
    let front = start_gateway().await;
    let refused = Socket::open(front.address, "/v1/agent/health", &[]).await.err();
    assert_eq!(refused.map(|(status, _)| status), Some(200));
    assert_eq!(front.tunnels.total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_so_many_and_no_more() {
    let front = start_gateway_with(None, Tunnels::new(1), Duration::ZERO).await;
    let socket = front.exec("may-exec").await.unwrap();
    let refused = front.exec("may-exec").await.err();
    assert_eq!(refused.map(|(status, _)| status), Some(503));
    assert_eq!(get(front.address, "/v1/jobs").await.text(), "server");
    drop(socket);
    front.wait_no_tunnels().await;
    assert!(front.exec("may-exec").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_shown_no_token_takes_no_place_from_who_may() {
    let front = start_gateway_with(None, Tunnels::new(2), Duration::ZERO).await;
    let path = format!("{EXEC}&ws_handshake=true");
    let mut waiting = Vec::new();
    for _ in 0..2 {
        waiting.push(Socket::open(front.address, &path, &[]).await.unwrap());
    }
    let third = Socket::open(front.address, &path, &[]).await.err();
    assert_eq!(third.map(|(status, _)| status), Some(503), "those who wait have a bound, too");
    assert_eq!((front.tunnels.active(), front.tunnels.total()), (0, 0));
    let _first = front.exec("may-exec").await.unwrap();
    let mut second = front.exec("may-exec").await.unwrap();
    second.send("hello").await;
    assert_eq!(front.tunnels.active(), 2);

    // A request with a token finds no permit now, and the agent runs nothing for it.
    let mut late = waiting.pop().unwrap();
    late.send(&handshake("may-exec")).await;
    let (code, reason) = late.close_frame().await;
    assert_eq!((code, &*reason), (1013, "too many websockets are open"));
    // A refused one holds no permit of the open ones either.
    drop(second);
    while front.tunnels.active() == 2 {
        tokio::task::yield_now().await;
    }
    let mut other = waiting.pop().unwrap();
    other.send(&handshake("unknown")).await;
    assert_eq!(other.close_frame().await.0, 1008);
    assert_eq!((front.tunnels.active(), front.tunnels.total()), (1, 2));
    drop(other);
    let mut admitted = front.open_with_handshake(&handshake("may-exec")).await;
    assert_eq!(admitted.receive().await, Some(Message::text("early")));
    assert_eq!((front.tunnels.active(), front.tunnels.total()), (2, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_gives_its_place_back_with_the_close_frame() {
    let front = start_gateway_with(None, Tunnels::new(1), Duration::ZERO).await;
    // The client keeps its side open after the close frame.
    let mut refused = front.exec("unknown").await.unwrap();
    assert_eq!(refused.close_frame().await.0, 1008);
    assert!(front.exec("may-exec").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn open_tunnels_get_their_grace_and_are_ended_with_it() {
    let front = start_gateway_with(None, Tunnels::default(), Duration::from_secs(3600)).await;
    let mut socket = front.exec("may-exec").await.unwrap();
    assert_eq!(socket.receive().await, Some(Message::text("early")));
    front.controller.start_drain();
    socket.send("still here").await;
    assert_eq!(socket.receive().await, Some(Message::text("still here")));
    front.controller.close_now();
    assert_eq!(socket.receive().await, None);
    timeout(Duration::from_secs(10), front.serving).await.unwrap().unwrap();
    front.agent.wait_connections_ended(1).await;
}
