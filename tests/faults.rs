//! Agents that refuse, break or stay silent: the client learns of it at once, and the gateway continues.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nomad_acl::AclDisabled;
use nomad_forward::{Agent, StaticDirectory};
use nomad_gateway::{Gateway, ShutdownController, listener::Listener};
use nomad_wire::Region;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::support::{Script, Stream, get, start_counted, start_scripted};

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";
const SERVERS: [&str; 2] =
    ["078367fb-eec8-87bf-8d99-0c0a5e3f7c7c", "0901b9e7-0f99-38b8-af24-a5b640b80689"];

/// An address without a listener.
async fn refused_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

struct TestGateway {
    address: SocketAddr,
    _stopper: ShutdownController,
    tasks: JoinSet<()>,
}

/// A gateway in front of two servers and the client with the allocation.
async fn start_gateway(
    mut tasks: JoinSet<()>,
    servers: [SocketAddr; 2],
    client: SocketAddr,
) -> TestGateway {
    let region = Region::default();
    let server = |n: usize| {
        Agent::server(
            ["server1", "server2"][n],
            SERVERS[n].parse().unwrap(),
            region.clone(),
            servers[n],
        )
    };
    let table = StaticDirectory::builder(region.clone())
        .agent(server(0).unwrap())
        .agent(server(1).unwrap())
        .agent(Agent::client("client1", NODE.parse().unwrap(), region.clone(), client).unwrap())
        .build();
    table.insert_allocation(ALLOC.parse().unwrap(), NODE.parse().unwrap(), "default".into());
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.address();
    let stopper = ShutdownController::new(Duration::ZERO);
    tasks.spawn(Gateway::new(table, AclDisabled).serve(listener, stopper.subscribe()));
    TestGateway { address, _stopper: stopper, tasks }
}

/// A gateway whose only client follows a script; its servers respond normally.
async fn start_with_client(script: Script) -> TestGateway {
    let mut tasks = JoinSet::new();
    let server = start_scripted(&mut tasks, Script::Serve("server")).await;
    let client = start_scripted(&mut tasks, script).await;
    start_gateway(tasks, [server, server], client).await
}

async fn check_serves(front: &TestGateway) {
    assert_eq!(get(front.address, "/v1/jobs").await.text(), "server");
    assert!(!front.tasks.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_refuses() {
    let mut tasks = JoinSet::new();
    let server = start_scripted(&mut tasks, Script::Serve("server")).await;
    let (refusing, refused) = (refused_address().await, refused_address().await);
    let front = start_gateway(tasks, [server, refused], refusing).await;
    for path in [
        format!("/v1/client/stats?node_id={NODE}"),
        format!("/v1/agent/monitor?node_id={NODE}"),
        format!("/v1/client/fs/logs/{ALLOC}?task=a&type=stdout"),
    ] {
        let answer = get(front.address, &path).await;
        assert_eq!((answer.status.as_u16(), &*answer.text()), (404, "No path to node"), "{path}");
    }
    let answer = get(front.address, "/v1/agent/self?server_id=server2").await;
    let text =
        format!("rpc error: failed to get conn: dial tcp {refused}: connect: connection refused");
    assert_eq!((answer.status.as_u16(), answer.text()), (500, text));
    check_serves(&front).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_is_passed_over_when_any_will_do() {
    let mut tasks = JoinSet::new();
    let server = start_scripted(&mut tasks, Script::Serve("second")).await;
    let front =
        start_gateway(tasks, [refused_address().await, server], refused_address().await).await;
    for _ in 0..3 {
        let answer = get(front.address, "/v1/jobs").await;
        assert_eq!(answer.text(), "second");
        assert_eq!(answer.header("x-nomad-gateway-agent"), Some("server2.global"));
        assert_eq!(answer.header("x-nomad-gateway-path"), Some("pass"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_stop_keep_nobody_waiting() {
    let (mut tasks, asked) = (JoinSet::new(), Arc::<AtomicUsize>::default());
    let server = start_counted(&mut tasks, Script::Serve("server"), Arc::clone(&asked)).await;
    let front = start_gateway(tasks, [server, server], refused_address().await).await;
    let mut uploads = Vec::new();
    for _ in 0..270 {
        let mut upload = TcpStream::connect(front.address).await.unwrap();
        let begun = b"PUT /v1/jobs HTTP/1.1\r\nHost: gateway\r\nContent-Length: 1000\r\n\r\n{";
        upload.write_all(begun).await.unwrap();
        uploads.push(upload);
    }
    for _ in 0..20 {
        check_serves(&front).await;
    }
    assert_eq!(asked.load(Ordering::Relaxed), 20, "a stalled upload reached the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_at_all() {
    let front = start_gateway(
        JoinSet::new(),
        [refused_address().await, refused_address().await],
        refused_address().await,
    )
    .await;
    let answer = get(front.address, "/v1/jobs").await;
    assert_eq!((answer.status.as_u16(), &*answer.text()), (500, "no servers"));
    let answer = get(front.address, "/v1/agent/self?server_id=leader").await;
    assert_eq!((answer.status.as_u16(), &*answer.text()), (400, "No cluster leader"));
    let answer = get(front.address, "/v1/agent/host?server_id=leader").await;
    assert_eq!((answer.status.as_u16(), &*answer.text()), (500, "No cluster leader"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_breaks_before_it_responds() {
    let front = start_with_client(Script::SendAndClose("")).await;
    let answer = get(front.address, &format!("/v1/client/stats?node_id={NODE}")).await;
    let text = "agent \"client1\" broke the connection before it answered";
    assert_eq!((answer.status.as_u16(), &*answer.text()), (502, text));
    check_serves(&front).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_responds_with_garbage() {
    let front = start_with_client(Script::SendAndClose("SSH-2.0-OpenSSH_9.2\r\n\r\n")).await;
    let answer = get(front.address, &format!("/v1/client/stats?node_id={NODE}")).await;
    assert_eq!(answer.status, 502);
    check_serves(&front).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_dies_in_the_middle_of_a_stream() {
    let begun = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n";
    let front = start_with_client(Script::SendAndClose(begun)).await;
    let path = format!("/v1/client/fs/logs/{ALLOC}?task=a&type=stdout&follow=true");
    let mut stream = Stream::open(front.address, &path).await;
    assert_eq!(stream.next().await.unwrap().unwrap(), "{}");
    // A broken transfer, so that the reader does not take it for the end of the log.
    assert!(stream.next().await.unwrap().is_err());
    check_serves(&front).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_a_silent_agent_may_leave_and_others_are_served() {
    let front = start_with_client(Script::SendAndHold("")).await;
    let path = format!("/v1/client/stats?node_id={NODE}");
    let waiting = get(front.address, &path);
    let impatient = tokio::time::timeout(Duration::from_millis(200), waiting).await;
    assert!(impatient.is_err(), "a silent agent has answered");
    check_serves(&front).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_agent_closed_unseen_costs_nothing() {
    let front = start_with_client(Script::ServeOnce("once")).await;
    for _ in 0..5 {
        let answer = get(front.address, &format!("/v1/client/stats?node_id={NODE}")).await;
        assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "once"));
    }
}

#[tokio::test]
async fn a_request_that_comes_back_is_refused_at_the_first_turn() {
    let mut tasks = JoinSet::new();
    let server = start_scripted(&mut tasks, Script::Serve("server")).await;
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.address();
    let (region, id) = (Region::default(), NODE.parse().unwrap());
    // The client agent advertises the gateway's own address.
    let table = StaticDirectory::builder(region.clone())
        .agent(
            Agent::server("server1", SERVERS[0].parse().unwrap(), region.clone(), server).unwrap(),
        )
        .agent(Agent::client("client1", id, region, address).unwrap())
        .build();
    let stopper = ShutdownController::new(Duration::ZERO);
    tasks.spawn(Gateway::new(table, AclDisabled).serve(listener, stopper.subscribe()));
    for path in ["/v1/agent/self", "/v1/client/stats", "/v1/agent/health"] {
        let answer = get(address, &format!("{path}?node_id={NODE}")).await;
        assert_eq!(answer.status, 508, "{path}");
        assert!(answer.text().contains("passed this gateway before"), "{}", answer.text());
    }
    assert_eq!(get(address, "/v1/agent/self").await.text(), "server");
}
