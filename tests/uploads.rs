//! Requests whose body breaks off, and responses with a wrong length.

use std::net::SocketAddr;

use nomad_acl::AclDisabled;
use nomad_forward::{Agent, StaticDirectory};
use nomad_gateway::{Gateway, ShutdownController, listener::Listener};
use nomad_wire::Region;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::support::{Script, TestCluster, start_scripted};

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";

/// A gateway in front of one client agent.
async fn start_gateway(
    tasks: &mut JoinSet<()>,
    client: SocketAddr,
) -> (SocketAddr, ShutdownController) {
    let client = Agent::client("client1", NODE.parse().unwrap(), Region::default(), client);
    let table = StaticDirectory::builder(Region::default()).agent(client.unwrap()).build();
    table.insert_allocation(ALLOC.parse().unwrap(), NODE.parse().unwrap(), "default".into());
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let (address, stopper) =
        (listener.address(), ShutdownController::new(std::time::Duration::ZERO));
    tasks.spawn(Gateway::new(table, AclDisabled).serve(listener, stopper.subscribe()));
    (address, stopper)
}

/// Sends exactly these bytes, and reads the response: the status, and the text.
async fn exchange(gateway: SocketAddr, request: &[u8]) -> (String, String) {
    let (mut read, mut write) = TcpStream::connect(gateway).await.unwrap().into_split();
    let request = request.to_vec();
    let sending = tokio::spawn(async move {
        drop(write.write_all(&request).await);
        drop(write.shutdown().await);
        write
    });
    let mut answer = Vec::new();
    drop(read.read_to_end(&mut answer).await);
    drop(sending.await);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    (head.split(' ').nth(1).unwrap_or_default().to_owned(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_body_is_the_clients_fault() {
    let mut tasks = JoinSet::new();
    let client = start_scripted(&mut tasks, Script::Serve("carried out")).await;
    let (gateway, _stopper) = start_gateway(&mut tasks, client).await;
    let signal = format!("/v1/client/allocation/{ALLOC}/signal");
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    for (path, rest, text) in [
        (
            &*signal,
            format!("{chunked}zz\r\n"),
            "Failed to decode body: invalid byte in chunk length",
        ),
        (&signal, format!("{chunked}5\r\nab"), "Failed to decode body: unexpected EOF"),
        (
            &signal,
            format!("{chunked}2\r\nabcd"),
            "Failed to decode body: malformed chunked encoding",
        ),
        (
            &signal,
            "Content-Length: 100\r\n\r\n{\"S".into(),
            "Failed to decode body: unexpected EOF",
        ),
        (
            &format!("/v1/client/metadata?node_id={NODE}"),
            format!("{chunked}fffffffffffffffff\r\n"),
            "http chunk length too large",
        ),
    ] {
        let request = format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{rest}");
        assert_eq!(
            exchange(gateway, request.as_bytes()).await,
            ("400".into(), text.into()),
            "{rest:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_response_is_whole_whatever_length_stands_beside_it() {
    for length in ["2", "2000000"] {
        let mut tasks = JoinSet::new();
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: ";
        let text = format!("{head}{length}\r\n\r\n5\r\nwhole\r\n0\r\n\r\n");
        let client = start_scripted(&mut tasks, Script::SendAndClose(text.leak())).await;
        let (gateway, _stopper) = start_gateway(&mut tasks, client).await;
        let path = format!("/v1/client/stats?node_id={NODE}");
        let answer = crate::support::get(gateway, &path).await;
        assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "whole"), "{length}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_that_contradict_each_other_are_no_response() {
    let mut tasks = JoinSet::new();
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nwhole";
    let client = start_scripted(&mut tasks, Script::SendAndClose(text)).await;
    let (gateway, _stopper) = start_gateway(&mut tasks, client).await;
    let answer = crate::support::get(gateway, &format!("/v1/client/stats?node_id={NODE}")).await;
    assert_eq!(answer.status, 502);
}

/// Larger than any buffer on the way, and than an agent's limit.
const LARGE: usize = 2 << 20;

/// Number of clients, one after the other: a lost refusal is a race.
const CLIENT_COUNT: usize = 20;

/// A PUT with a large body, sent to its end even if the response comes before.
fn upload(path: &str) -> Vec<u8> {
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {LARGE}\r\n\r\n"
    );
    [head.into_bytes(), vec![b'x'; LARGE]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_sees_the_413_of_an_agent_that_closes_with_bytes_unread() {
    let text = "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 8\r\n\r\ntoo long";
    let mut tasks = JoinSet::new();
    let client = start_scripted(&mut tasks, Script::SendAndClose(text)).await;
    let (gateway, _stopper) = start_gateway(&mut tasks, client).await;
    let request = upload(&format!("/v1/client/allocation/{ALLOC}/signal"));
    for n in 0..CLIENT_COUNT {
        assert_eq!(exchange(gateway, &request).await, ("413".into(), "too long".into()), "{n}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_sees_the_413_of_a_reference_agent() {
    let world = TestCluster::start().await;
    let request = upload(&format!("/v1/client/allocation/{}/signal", world.allocation()));
    let expected = ("413".to_owned(), "http: request body too large".to_owned());
    for n in 0..CLIENT_COUNT {
        assert_eq!(
            exchange(world.agent("client1").1, &request).await,
            expected,
            "asked itself, {n}"
        );
        assert_eq!(exchange(world.gateway, &request).await, expected, "through the gateway, {n}");
    }
}
