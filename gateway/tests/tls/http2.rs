//! HTTP/2 with callers, in front of an agent that follows a script.

use std::{
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::{
    body::Incoming,
    client::conn::http2::{SendRequest, handshake},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nomad_acl::AclDisabled;
use nomad_gateway::{
    Gateway, ShutdownController,
    listener::Listener,
    tls::{Acceptor, ClientCertificates, HttpVersions, ServerTls},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

use crate::{
    authority::{Authority, connect},
    hello::{LIMIT, NODE, directory, stats_path},
};

/// More than all buffers between an agent and a caller hold together.
const LARGE: usize = 64 << 20;

/// A gateway over TLS, and the connections to the agent behind it, each with the head of its request.
struct TestGateway {
    gateway: SocketAddr,
    authority: Authority,
    requests: mpsc::Receiver<UpstreamRequest>,
    controller: ShutdownController,
}

/// A request that has reached the agent.
struct UpstreamRequest {
    stream: TcpStream,
    /// Everything that was read until the head was there.
    head: String,
}

impl TestGateway {
    async fn new(http: HttpVersions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, agent) = mpsc::channel(1024);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move { drop(sender.send(read_head(stream).await).await) });
            }
        });
        let authority = Authority::new();
        let settings = authority.server(ClientCertificates::Ignored);
        let acceptor = Acceptor::load(ServerTls { http, ..settings }).unwrap();
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap().tls(acceptor);
        let (gateway, stopper) = (listener.address(), ShutdownController::new(LIMIT));
        let served = Gateway::new(directory(address), AclDisabled);
        tokio::spawn(served.serve(listener, stopper.subscribe()));
        Self { gateway, authority, requests: agent, controller: stopper }
    }

    /// A connection of HTTP/2.
    async fn client<B>(&self) -> SendRequest<B>
    where
        B: http_body::Body<Data = Bytes, Error = std::convert::Infallible> + Send + Unpin + 'static,
    {
        let stream =
            connect(&self.authority, self.gateway, None, &["h2", "http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (sender, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    /// The next request that reaches the agent.
    async fn next_request(&mut self) -> UpstreamRequest {
        timeout(LIMIT, self.requests.recv()).await.unwrap().unwrap()
    }
}

async fn read_head(mut stream: TcpStream) -> UpstreamRequest {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
            break;
        }
    }
    UpstreamRequest { stream, head: String::from_utf8(head).unwrap().to_ascii_lowercase() }
}

impl UpstreamRequest {
    async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The gateway has closed the connection.
    async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        timeout(LIMIT, self.stream.read_to_end(&mut rest)).await.is_ok()
    }
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("https://gateway.test{path}")).body(Empty::new()).unwrap()
}

/// A stream without end.
fn monitor() -> Request<Empty<Bytes>> {
    get(&format!("/v1/agent/monitor?node_id={NODE}&plain=true"))
}

async fn text(answer: Response<Incoming>) -> String {
    let whole = timeout(LIMIT, answer.into_body().collect()).await.unwrap().unwrap();
    String::from_utf8(whole.to_bytes().to_vec()).unwrap()
}

const STREAM: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The next bytes of a stream; what only says that it is over has none.
async fn next(answer: &mut Response<Incoming>) -> Option<Result<Bytes, hyper::Error>> {
    loop {
        let frame = timeout(LIMIT, answer.body_mut().frame()).await.unwrap()?;
        match frame.map(|frame| frame.into_data().unwrap()) {
            Ok(bytes) if bytes.is_empty() => {}
            other => return Some(other),
        }
    }
}

#[tokio::test]
async fn an_ordinary_call_is_the_same_over_http_2() {
    let mut world = TestGateway::new(HttpVersions::Both).await;
    let mut caller = world.client().await;
    let request = Request::get(format!("https://gateway.test{}", stats_path()))
        .header("te", "trailers")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("x-nomad-token", "secret")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let answer = tokio::spawn(caller.send_request(request));
    let mut asked = world.next_request().await;
    let lines: Vec<_> = asked.head.lines().collect();
    assert_eq!(lines[0], format!("get {} http/1.1", stats_path()));
    assert!(lines.contains(&"cookie: a=1; b=2") && lines.contains(&"x-nomad-token: secret"));
    let is_own = |line: &&str| line.starts_with("te:") || line.starts_with("host: gateway");
    assert!(!lines.iter().any(is_own), "{lines:?}");
    assert!(!asked.head.contains("chunked") && !asked.head.contains("content-length"));
    asked
        .write(
            "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nX-Nomad-Index: 7\r\n\
             Content-Length: 5\r\n\r\nhello",
        )
        .await;
    let answer = answer.await.unwrap().unwrap();
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, Version::HTTP_2));
    let headers = answer.headers();
    for name in ["connection", "keep-alive", "transfer-encoding", "upgrade"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert_eq!(headers["x-nomad-index"], "7");
    assert_eq!(headers["x-nomad-gateway-path"], "direct");
    assert_eq!(headers["content-length"], "5");
    assert_eq!(text(answer).await, "hello");
}

#[tokio::test]
async fn what_the_gateway_answers_itself_is_the_same_over_http_2() {
    let world = TestGateway::new(HttpVersions::Both).await;
    let mut caller = world.client().await;
    let mut ask = async |request| timeout(LIMIT, caller.send_request(request)).await.unwrap();
    let answer = ask(get("/v1/gateway/health")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let answer = ask(get("/v1//jobs")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(answer.headers()["location"], "/v1/jobs");
    let connect = Request::connect("gateway.test:443").body(Empty::new()).unwrap();
    assert_eq!(ask(connect).await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
    let long = |length| {
        let request = Request::get("https://gateway.test/v1/gateway/health");
        request.header("x-long", "x".repeat(length)).body(Empty::new()).unwrap()
    };
    assert_eq!(ask(long(200_000)).await.unwrap().status(), StatusCode::OK);
    let refused = ask(long(270_000)).await;
    let is_refused = |answer: Response<Incoming>| answer.status().as_u16() == 431;
    assert!(refused.map_or(true, is_refused), "longer than a head may be");
}

#[tokio::test]
async fn a_body_goes_up_over_http_2() {
    let mut world = TestGateway::new(HttpVersions::Both).await;
    let mut caller = world.client().await;
    let uri = format!("https://gateway.test/v1/client/metadata?node_id={NODE}");
    let request = Request::post(uri).body(Full::new(Bytes::from(vec![b'x'; 3 << 20]))).unwrap();
    let answer = tokio::spawn(caller.send_request(request));
    let mut asked = world.next_request().await;
    let (_, length) = asked.head.split_once("content-length: ").unwrap();
    let length: usize = length.lines().next().unwrap().parse().unwrap();
    let (_, begun) = asked.head.split_once("\r\n\r\n").unwrap();
    let mut rest = vec![0; length - begun.len()];
    timeout(LIMIT, asked.stream.read_exact(&mut rest)).await.unwrap().unwrap();
    assert_eq!(length, 3 << 20);
    asked.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    assert_eq!(text(answer.await.unwrap().unwrap()).await, "{}");
}

/// A body of which one byte is sent and the rest is not, or none at all.
enum StalledBody {
    Byte,
    Silent,
    Empty,
}

impl http_body::Body for StalledBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match *self {
            Self::Byte => {
                *self = Self::Silent;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"{")))))
            }
            Self::Silent => Poll::Pending,
            Self::Empty => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Empty)
    }
}

#[tokio::test]
async fn uploads_that_stop_hold_nothing_that_other_streams_need() {
    let mut world = TestGateway::new(HttpVersions::Both).await;
    let mut caller = world.client().await;
    let uri = format!("https://gateway.test/v1/client/metadata?node_id={NODE}");
    let begun = || Request::post(&uri).body(StalledBody::Byte).unwrap();
    let _uploads: Vec<_> = (0..88).map(|_| tokio::spawn(caller.send_request(begun()))).collect();
    let uri = format!("https://gateway.test{}", stats_path());
    for _ in 0..3 {
        let request = Request::get(&uri).body(StalledBody::Empty).unwrap();
        let answer = tokio::spawn(caller.send_request(request));
        let mut asked = world.next_request().await;
        assert!(asked.head.starts_with("get /v1/client/stats"), "{}", asked.head);
        asked.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}").await;
        assert_eq!(text(answer.await.unwrap().unwrap()).await, "{}");
    }
}

#[tokio::test]
async fn a_stream_passes_as_it_comes_and_ends_with_its_client() {
    let mut world = TestGateway::new(HttpVersions::Both).await;
    let mut caller = world.client().await;
    let (first, second) = (caller.send_request(monitor()), caller.send_request(get(&stats_path())));
    let (first, second) = (tokio::spawn(first), tokio::spawn(second));
    let (mut one, mut other) = (world.next_request().await, world.next_request().await);
    // They came over one connection, and reach the agent over two, in any order.
    if !one.head.starts_with("get /v1/agent/monitor") {
        std::mem::swap(&mut one, &mut other);
    }
    for asked in [&mut one, &mut other] {
        asked.write(&format!("{STREAM}4\r\none\n\r\n")).await;
    }
    let (mut first, mut second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert_eq!(next(&mut first).await.unwrap().unwrap(), "one\n");
    assert_eq!(next(&mut second).await.unwrap().unwrap(), "one\n");
    drop(first);
    assert!(one.is_closed().await, "nobody listens, and the agent goes on");
    other.write("4\r\ntwo\n\r\n0\r\n\r\n").await;
    assert_eq!(next(&mut second).await.unwrap().unwrap(), "two\n");
    assert!(next(&mut second).await.is_none());
}

#[tokio::test]
async fn an_agent_that_dies_in_the_middle_breaks_the_stream() {
    let mut world = TestGateway::new(HttpVersions::Both).await;
    let mut caller = world.client().await;
    let answer = tokio::spawn(caller.send_request(monitor()));
    let mut asked = world.next_request().await;
    asked.write(&format!("{STREAM}4\r\none\n\r\n")).await;
    let mut answer = answer.await.unwrap().unwrap();
    assert_eq!(next(&mut answer).await.unwrap().unwrap(), "one\n");
    drop(asked);
    assert!(next(&mut answer).await.unwrap().is_err(), "a truncated log looks whole");
}

#[tokio::test]
async fn an_agent_waits_for_a_client_that_does_not_read_and_others_do_not() {
    let mut world = TestGateway::new(HttpVersions::Both).await;
    let mut caller = world.client().await;
    let answer = tokio::spawn(caller.send_request(monitor()));
    let mut asked = world.next_request().await;
    asked.write(&format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n")).await;
    let answer = answer.await.unwrap().unwrap();
    let chunk = vec![b'x'; 64 << 10];
    let mut sent = 0;
    // It is stuck when nothing moves for so long; buffers on the way take some megabytes first.
    while let Ok(written) = timeout(Duration::from_millis(500), asked.stream.write(&chunk)).await {
        sent += written.unwrap();
        assert!(sent < LARGE, "nobody holds the agent back");
    }
    let health = timeout(LIMIT, caller.send_request(get("/v1/gateway/health"))).await;
    assert_eq!(health.unwrap().unwrap().status(), StatusCode::OK);
    tokio::spawn(async move {
        while sent < LARGE {
            let rest = chunk.len().min(LARGE - sent);
            sent += asked.stream.write(&chunk[..rest]).await.unwrap();
        }
    });
    assert_eq!(text(answer).await.len(), LARGE);
}

#[tokio::test]
async fn the_end_lets_streams_finish_and_takes_nothing_new() {
    let mut world = TestGateway::new(HttpVersions::Both).await;
    let mut caller = world.client().await;
    let answer = tokio::spawn(caller.send_request(monitor()));
    let mut asked = world.next_request().await;
    asked.write(&format!("{STREAM}4\r\none\n\r\n")).await;
    let mut answer = answer.await.unwrap().unwrap();
    assert_eq!(next(&mut answer).await.unwrap().unwrap(), "one\n");
    world.controller.start_drain();
    // After GOAWAY the caller's own side refuses.
    let refused = async {
        while caller.send_request(get("/v1/gateway/health")).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, refused).await.expect("new requests are taken for ever");
    asked.write("4\r\ntwo\n\r\n0\r\n\r\n").await;
    assert_eq!(next(&mut answer).await.unwrap().unwrap(), "two\n");
    assert!(next(&mut answer).await.is_none());
}

#[tokio::test]
async fn who_only_gives_up_is_told_to_go() {
    let world = TestGateway::new(HttpVersions::Both).await;
    let mut caller = world.client().await;
    let flood = async {
        loop {
            if caller.ready().await.is_err() {
                break;
            }
            let mut asking = Box::pin(caller.send_request(monitor()));
            // Once, so that it is sent, and then it is given up.
            drop(timeout(Duration::from_millis(1), &mut asking).await);
        }
    };
    timeout(LIMIT, flood).await.expect("a flood of requests that nobody waits for goes on");
}

#[tokio::test]
async fn http_1_1_is_spoken_with_who_asks_for_it_or_when_it_is_all_there_is() {
    let mut world = TestGateway::new(HttpVersions::One).await;
    let mut stream =
        connect(&world.authority, world.gateway, None, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream
        .write_all(format!("GET {} HTTP/1.1\r\nhost: a\r\n\r\n", stats_path()).as_bytes())
        .await
        .unwrap();
    world.next_request().await.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello") {
        assert!(timeout(LIMIT, stream.read_buf(&mut answer)).await.unwrap().unwrap() > 0);
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("X-Nomad-Gateway-Path: direct"), "title case: {answer}");
}
