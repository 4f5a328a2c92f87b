//! Monitor fan-out: one upstream monitor for several clients. Its bytes are unchanged, and no client delays
//! another.

use std::{net::SocketAddr, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::Request;
use http_body_util::Full;
use nomad_acl::{AclDeferred, AclDisabled, Tokens};
use nomad_forward::{Agent, StaticDirectory};
use nomad_gateway::{Gateway, ShutdownController, listener::Listener};
use nomad_wire::Region;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::support::{FakeAgent, FakeResponse, Feed, Stream, TestCluster, get, send_chunk};

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";

struct TestGateway {
    address: SocketAddr,
    agent: FakeAgent,
    _stopper: ShutdownController,
    _tasks: JoinSet<()>,
}

/// A gateway in front of one client agent, whose monitors the test writes.
async fn start_gateway<T>(tokens: T) -> TestGateway
where
    T: Tokens + Clone + Send + Sync + 'static,
{
    start_gateway_with(tokens, |_| FakeResponse::Stream).await
}

async fn start_gateway_with<T, A>(tokens: T, answer: A) -> TestGateway
where
    T: Tokens + Clone + Send + Sync + 'static,
    A: Fn(&str) -> FakeResponse + Send + Sync + 'static,
{
    let mut tasks = JoinSet::new();
    let agent = FakeAgent::start(&mut tasks, answer).await;
    let client =
        Agent::client("client1", NODE.parse().unwrap(), Region::default(), agent.address).unwrap();
    let table = StaticDirectory::builder(Region::default()).agent(client).build();
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.address();
    let stopper = ShutdownController::new(Duration::ZERO);
    tasks.spawn(Gateway::new(table, tokens).serve(listener, stopper.subscribe()));
    TestGateway { address, agent, _stopper: stopper, _tasks: tasks }
}

fn monitor(more: &str) -> String {
    format!("/v1/agent/monitor?node_id={NODE}{more}")
}

/// Lines as an agent frames them.
fn frame(data: &str) -> String {
    format!(r#"{{"Data":"{}","FileEvent":"log"}}"#, BASE64_STANDARD.encode(data))
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_share_one_monitor_and_each_begins_with_a_whole_line() {
    let front = start_gateway(AclDisabled).await;
    let path = monitor("&log_level=debug");
    let (mut first, feeder) =
        tokio::join!(Stream::open(front.address, &path), front.agent.stream(0));
    assert_eq!(first.headers["x-nomad-gateway-stream"], "shared");
    assert_eq!(first.headers["x-nomad-gateway-agent"], "client1");
    assert_eq!(first.headers["content-type"], "application/json");
    // Unchanged, if it ends with a line.
    send_chunk(&feeder, frame("one\n"));
    assert_eq!(first.next().await.unwrap().unwrap(), frame("one\n"));
    send_chunk(&feeder, frame("tw"));
    send_chunk(&feeder, "{}");
    assert_eq!(first.next().await.unwrap().unwrap(), "{}");

    // The same parameters, with other names and other spellings of the values.
    let same = monitor("&log_level=DEBUG&log_json=false&server_id=&region=global");
    let mut second = Stream::open(front.address, &same).await;
    let named = |headers: &http::HeaderMap| {
        let names = headers.keys().filter(|name| *name != "x-request-id" && *name != "date");
        names.map(|name| (name.clone(), headers[name].clone())).collect::<Vec<_>>()
    };
    assert_eq!(named(&second.headers), named(&first.headers));
    send_chunk(&feeder, frame("o\nthree\nfo"));
    send_chunk(&feeder, frame("ur\n"));
    let expect = frame("two\nthree\n") + &frame("four\n");
    assert_eq!(first.read_until(|seen| seen.len() >= expect.len()).await, expect);
    // It subscribed while the second line was being written, and gets that line whole too.
    assert_eq!(second.read_until(|seen| seen.len() >= expect.len()).await, expect);
    assert_eq!(front.agent.paths().len(), 1);

    // The end reaches every subscriber.
    drop(feeder);
    assert!(first.next().await.is_none());
    assert!(second.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn monitors_that_differ_are_not_shared() {
    let front = start_gateway(AclDisabled).await;
    let mut open = Vec::new();
    for (number, more) in [
        "",
        "&log_level=debug",
        "&log_json=true",
        "&plain=true",
        "&log_include_location=1",
        // An unknown parameter.
        "&something=new",
    ]
    .into_iter()
    .enumerate()
    {
        let path = monitor(more);
        open.push(tokio::join!(Stream::open(front.address, &path), front.agent.stream(number)));
    }
    assert_eq!(front.agent.paths().len(), 6);
    let alone = &open[5].0;
    assert!(!alone.headers.contains_key("x-nomad-gateway-stream"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_700_kilobytes_comes_whole() {
    let front = start_gateway(AclDisabled).await;
    let line = format!("{}\n", "0123456789".repeat(70_000));
    let path = monitor("&plain=true");
    let (mut plain, feeder) =
        tokio::join!(Stream::open(front.address, &path), front.agent.stream(0));
    for part in line.as_bytes().chunks(64 << 10) {
        send_chunk(&feeder, part.to_vec());
    }
    let seen = plain.read_until(|seen| seen.ends_with('\n')).await;
    let tail = &seen[seen.len().saturating_sub(100)..];
    assert!(seen == line, "{} of {} bytes: {tail:?}", seen.len(), line.len());

    let path = monitor("");
    let (mut framed, feeder) =
        tokio::join!(Stream::open(front.address, &path), front.agent.stream(1));
    for part in line.as_bytes().chunks(64 << 10) {
        send_chunk(&feeder, frame(str::from_utf8(part).unwrap()));
    }
    send_chunk(&feeder, frame("next\n"));
    let seen = framed.read_until(|seen| seen.ends_with(&frame("next\n"))).await;
    let mut data = Vec::new();
    for frame in serde_json::Deserializer::from_str(&seen).into_iter::<serde_json::Value>() {
        data.extend(BASE64_STANDARD.decode(frame.unwrap()["Data"].as_str().unwrap()).unwrap());
    }
    assert!(data == format!("{line}next\n").into_bytes(), "{} of {} bytes", data.len(), line.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_monitor_is_joined_at_the_beginning_of_a_line() {
    let front = start_gateway(AclDisabled).await;
    let path = monitor("&plain=true");
    let (mut first, feeder) =
        tokio::join!(Stream::open(front.address, &path), front.agent.stream(0));
    send_chunk(&feeder, "one\ntw");
    assert_eq!(first.next().await.unwrap().unwrap(), "one\n");
    let mut second = Stream::open(front.address, &path).await;
    send_chunk(&feeder, "o\nthree\n");
    for stream in [&mut first, &mut second] {
        assert_eq!(stream.next().await.unwrap().unwrap(), "two\nthree\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_goes_on_without_its_client_and_ends_with_the_last_one() {
    let front = start_gateway(AclDisabled).await;
    let path = monitor("");
    let (first, feeder) = tokio::join!(Stream::open(front.address, &path), front.agent.stream(0));
    let mut second = Stream::open(front.address, &path).await;
    drop(first);
    send_chunk(&feeder, frame("still here\n"));
    assert_eq!(second.next().await.unwrap().unwrap(), frame("still here\n"));
    drop(second);
    front.agent.wait_streams_ended(1).await;
    // The next client starts a new upstream monitor.
    let (mut third, feeder) =
        tokio::join!(Stream::open(front.address, &path), front.agent.stream(1));
    send_chunk(&feeder, frame("again\n"));
    assert_eq!(third.next().await.unwrap().unwrap(), frame("again\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_before_the_response_takes_nothing_from_the_others() {
    let front = start_gateway_with(AclDisabled, |_| FakeResponse::StreamWithLateHead).await;
    let path = monitor("&plain=true");
    let opening =
        tokio::time::timeout(Duration::from_millis(200), Stream::open(front.address, &path));
    let second = Stream::open(front.address, &path);
    let logging = async {
        let feeder = front.agent.stream(0).await;
        // The first client has timed out by then.
        tokio::time::sleep(Duration::from_millis(400)).await;
        send_chunk(&feeder, "line\n");
        feeder
    };
    let (first, mut second, _feeder) = tokio::join!(opening, second, logging);
    assert!(first.is_err(), "a head before the first line");
    assert_eq!(second.next().await.unwrap().unwrap(), "line\n");
    assert_eq!(front.agent.paths().len(), 1);
}

/// A connection that is not read until the test reads it.
async fn open_unread(address: SocketAddr, path: &str) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        seen.push(stream.read_u8().await.unwrap());
    }
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_client_is_told_what_is_missing_and_holds_up_nobody() {
    const LINES: usize = 40_000;
    let front = start_gateway(AclDisabled).await;
    let path = monitor("&plain=true");
    let (mut quick, feeder) =
        tokio::join!(Stream::open(front.address, &path), front.agent.stream(0));
    let mut slow = open_unread(front.address, &path).await;
    let mut sent = 0;
    // In bursts that fit the queue, so that the fast subscriber loses nothing.
    while sent < LINES {
        let burst: String = (sent..sent + 200).map(|number| format!("{number:099}\n")).collect();
        sent += 200;
        send_chunk(&feeder, burst);
        let last = format!("{:099}\n", sent - 1);
        quick.read_until(|seen| seen.ends_with(&last)).await;
    }
    drop(feeder);
    assert!(quick.next().await.is_none());

    let mut seen = Vec::new();
    while !seen.ends_with(b"0\r\n\r\n") {
        assert_ne!(slow.read_buf(&mut seen).await.unwrap(), 0, "broken");
    }
    let text = String::from_utf8(seen).unwrap();
    let (mut next, mut lost) = (0, 0);
    // Chunk sizes and blank lines in between belong to the transfer coding.
    for line in text.lines().filter(|line| line.len() > 10) {
        if let Some(rest) = line.strip_prefix("[WARN] Monitor dropped ") {
            let count: usize = rest.split(' ').next().unwrap().parse().unwrap();
            assert!(line.ends_with(" logs during monitor request"));
            (next, lost) = (next + count, lost + count);
        } else {
            assert_eq!(line.parse::<usize>().unwrap(), next, "every line, or a notice");
            next += 1;
        }
    }
    assert_eq!(next, LINES);
    assert!(lost > 0, "the slow client was not slow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_monitor_breaks_for_everybody() {
    let front = start_gateway(AclDisabled).await;
    let path = monitor("");
    let (mut first, feeder) =
        tokio::join!(Stream::open(front.address, &path), front.agent.stream(0));
    let mut second = Stream::open(front.address, &path).await;
    send_chunk(&feeder, frame("last\n"));
    assert!(feeder.send(Feed::Break).is_ok());
    for stream in [&mut first, &mut second] {
        assert_eq!(stream.next().await.unwrap().unwrap(), frame("last\n"));
        assert!(stream.next().await.unwrap().is_err(), "a broken log looks whole");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_text_of_the_agent_is_everybodys() {
    let front = start_gateway(AclDisabled).await;
    let path = monitor("");
    let (mut first, feeder) =
        tokio::join!(Stream::open(front.address, &path), front.agent.stream(0));
    let mut second = Stream::open(front.address, &path).await;
    send_chunk(&feeder, frame("last\n") + "rpc error: no more");
    drop(feeder);
    for stream in [&mut first, &mut second] {
        let seen = stream.read_until(|seen| seen.ends_with("no more")).await;
        assert_eq!(seen, frame("last\n") + "rpc error: no more");
        assert!(stream.next().await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_no_monitor_and_is_asked_for_by_everybody() {
    let front =
        start_gateway_with(AclDisabled, |_| FakeResponse::Complete(500, "not today".into())).await;
    for _ in 0..2 {
        let answer = get(front.address, &monitor("")).await;
        assert_eq!((answer.status.as_u16(), &*answer.text()), (500, "not today"));
    }
    assert_eq!(front.agent.paths().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_agent_decides_everybody_has_a_monitor_of_their_own() {
    let front = start_gateway(AclDeferred).await;
    for number in 0..2 {
        let request = Request::get(monitor(""))
            .header("x-nomad-token", format!("token{number}"))
            .header("accept-encoding", "gzip")
            .body(Full::default())
            .unwrap();
        let (stream, _feeder) =
            tokio::join!(Stream::send(front.address, request), front.agent.stream(number));
        assert!(!stream.headers.contains_key("x-nomad-gateway-stream"));
        let head = &front.agent.heads()[number];
        assert!(head.contains(&format!("token{number}")) && head.contains("gzip"), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_monitor_is_not_compressed() {
    let front = start_gateway(AclDisabled).await;
    let request =
        Request::get(monitor("")).header("accept-encoding", "gzip").body(Full::default()).unwrap();
    let (_stream, _feeder) =
        tokio::join!(Stream::send(front.address, request), front.agent.stream(0));
    assert!(!front.agent.heads()[0].contains("gzip"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_agent_has_so_many_different_monitors_and_no_more() {
    let front = start_gateway(AclDisabled).await;
    let mut open = Vec::new();
    let shapes = ["trace", "debug", "info", "warn", "error"].into_iter().flat_map(|level| {
        ["", "&log_json=1", "&plain=1", "&plain=1&log_json=1"]
            .map(|more| monitor(&format!("&log_level={level}{more}")))
    });
    let shapes: Vec<_> = shapes.collect();
    for (number, path) in shapes.iter().take(16).enumerate() {
        open.push(tokio::join!(Stream::open(front.address, path), front.agent.stream(number)));
    }
    let refused = get(front.address, &shapes[16]).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.text(), "too many different monitors are open at this agent");
    assert_eq!(refused.header("retry-after"), Some("5"));
    // A client can subscribe to an existing monitor, and a closed one frees a permit.
    Stream::open(front.address, &shapes[3]).await;
    drop(open.pop());
    front.agent.wait_streams_ended(1).await;
    let (_stream, _feeder) =
        tokio::join!(Stream::open(front.address, &shapes[16]), front.agent.stream(16));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_that_shares_was_authorized() {
    let world = TestCluster::with_acls().await;
    let tokens = world.tokens.clone().unwrap();
    let path = format!("/v1/agent/monitor?node_id={}", world.node("client1"));
    let ask = |token: Option<&str>| {
        let request = Request::get(&path).body(Full::default()).unwrap();
        let (mut head, body) = request.into_parts();
        if let Some(token) = token {
            head.headers.insert("x-nomad-token", token.parse().unwrap());
        }
        Stream::send(world.gateway, Request::from_parts(head, body))
    };
    let manager = ask(Some(tokens.management.expose())).await;
    assert_eq!(manager.status, 200);
    assert_eq!(ask(None).await.status, 403);
    assert_eq!(ask(Some("9c1ed6ed-0ad2-4f0f-a3c6-4c9f5a1d2b77")).await.status, 403);
    let mut reader = ask(Some(tokens.read_only.expose())).await;
    assert_eq!(reader.headers["x-nomad-gateway-stream"], "shared");
    assert_eq!(world.agent("client1").0.log().receiver_count(), 1);
    // Every second, also for the later subscriber.
    drop(manager);
    assert_eq!(reader.next().await.unwrap().unwrap(), "{}");
}
