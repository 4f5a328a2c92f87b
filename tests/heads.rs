//! Request heads byte for byte: well-formed, malformed and too long.

use std::{net::SocketAddr, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use nomad_acl::AclDisabled;
use nomad_forward::{Agent, StaticDirectory};
use nomad_gateway::{Gateway, ShutdownController, listener::Listener, telemetry::AccessLog};
use nomad_wire::Region;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::timeout,
};

use crate::support::{FakeAgent, FakeResponse};

struct TestGateway {
    address: SocketAddr,
    server: FakeAgent,
    dir: TempDir,
    _stopper: ShutdownController,
    _tasks: JoinSet<()>,
}

impl TestGateway {
    /// A gateway with an access log, in front of one server that accepts every request.
    async fn start() -> Self {
        let mut tasks = JoinSet::new();
        let server =
            FakeAgent::start(&mut tasks, |_| FakeResponse::Complete(200, "served".into())).await;
        let id = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c".parse().unwrap();
        let agent = Agent::server("server1", id, Region::default(), server.address).unwrap();
        let table = StaticDirectory::builder(Region::default()).agent(agent).build();
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.address();
        let stopper = ShutdownController::new(Duration::ZERO);
        let dir = tempfile::tempdir().unwrap();
        let log = AccessLog::file(&dir.path().join("access.log")).unwrap();
        let gateway = Gateway::new(table, AclDisabled).access_log(log);
        tasks.spawn(gateway.serve(listener, stopper.subscribe()));
        Self { address, server, dir, _stopper: stopper, _tasks: tasks }
    }

    /// Sends these bytes, and reads until the connection ends.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let said = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            let mut answer = Vec::new();
            drop(stream.read_to_end(&mut answer).await);
            String::from_utf8_lossy(&answer).into_owned()
        };
        timeout(Duration::from_secs(20), said).await.expect("an answer")
    }

    /// The last request line that the server received.
    fn last_request_line(&self) -> String {
        let heads = self.server.heads();
        heads.last().and_then(|head| head.lines().next()).unwrap_or_default().to_owned()
    }

    /// The access log line of this request.
    async fn access_log_line(&self, request_id: &str) -> Value {
        let logged = async {
            loop {
                let text = std::fs::read_to_string(self.dir.path().join("access.log")).unwrap();
                let lines =
                    text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
                if let Some(line) = lines.into_iter().find(|line| line["request_id"] == request_id)
                {
                    return line;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(20), logged).await.expect("a line in the log")
    }
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let lines = answer.lines().take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.split_once(": "))
        .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_for_curl_reaches_the_server_encoded() {
    let front = TestGateway::start().await;
    for (typed, seen) in [
        (&b"/v1/jobs?filter=Status==\"running\""[..], "/v1/jobs?filter=Status==%22running%22"),
        (b"/v1/jobs?filter=a<b>c&d=`{|}\\^", "/v1/jobs?filter=a%3Cb%3Ec&d=%60{|}\\^"),
        (b"/v1/job/a<b>\"%2F%2F", "/v1/job/a%3Cb%3E%22%2F%2F"),
        (b"/v1/job/a#b?c#d", "/v1/job/a%23b?c%23d"),
        (b"/v1/job/caf\xe9?x=\xc3\xa9", "/v1/job/caf%E9?x=%C3%A9"),
    ] {
        let head = [b"GET ", typed, b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"].concat();
        let answer = front.exchange(&head).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(front.last_request_line(), format!("GET {seen} HTTP/1.1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_heads_are_encoded_on_a_connection_that_carries_many_requests() {
    let front = TestGateway::start().await;
    let sent = "PUT /v1/a\" HTTP/1.1\r\nHost: a\r\nContent-Length: 25\r\n\r\nGET /\" HTTP/1.1\r\nHost: a\r\n\
                PUT /v1/b\" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nGET /\"\r\n\r\n0\r\n\r\n\
                GET /v1/c\" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answers = front.exchange(sent.as_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 3, "{answers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_of_a_hundred_kilobytes_and_five_hundred_lines_is_served() {
    let front = TestGateway::start().await;
    let start = "GET /v1/jobs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let lines: String = (0..500).map(|n| format!("x-{n}: y\r\n")).collect();
    let large = format!("x: {}\r\n", "y".repeat(900_000));
    let uri =
        format!("GET /v1/jobs?{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", "x".repeat(65_000));
    for head in [format!("{start}{lines}\r\n"), format!("{start}{large}\r\n"), format!("{uri}\r\n")]
    {
        let answer = front.exchange(head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_refused_is_told_why_and_logged() {
    let front = TestGateway::start().await;
    let rest = "HTTP/1.1\r\nHost: a\r\n";
    for (head, status, text) in [
        (
            format!("GET /v1/jobs?{} {rest}\r\n", "x".repeat(66_000)),
            414,
            "URI too long: more than 65534 bytes",
        ),
        (
            format!("GET /v1/jobs?{} {rest}\r\n", "\"".repeat(22_000)),
            414,
            "URI too long: more than 65534 bytes",
        ),
        (
            format!("GET /v1/jobs {rest}{}\r\n", "a: b\r\n".repeat(600)),
            431,
            "more than 512 header lines",
        ),
        (
            format!("GET /v1/jobs {rest}a: {}\r\n\r\n", "x".repeat(1 << 20)),
            431,
            "more than 1048576 bytes",
        ),
        (
            "GET /v1/jobs HTTP/1.1\r\n\r\n".into(),
            400,
            "400 Bad Request: missing required Host header",
        ),
        (
            format!("GET /v1/jobs {rest}host: b\r\n\r\n"),
            400,
            "400 Bad Request: too many Host headers",
        ),
        (
            "GET /v1/jobs HTTP/1.1\r\nHost: a b\r\n\r\n".into(),
            400,
            "400 Bad Request: malformed Host header",
        ),
        (
            format!("GET http://a/v1/jobs {}\r\n\r\n", "HTTP/1.1"),
            400,
            "missing required Host header",
        ),
        (format!("GET /v1/jobs x {rest}\r\n"), 400, "400 Bad Request"),
        ("GET /v1/jobs HTTP/3.0\r\nHost: a\r\n\r\n".into(), 505, "unsupported protocol version"),
        (
            format!("PUT /v1/jobs {rest}Transfer-Encoding: gzip\r\n\r\n"),
            501,
            "Unsupported transfer encoding",
        ),
    ] {
        let answer = front.exchange(head.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains(text), "{text}: {answer}");
        assert_eq!(header(&answer, "connection"), Some("close"), "{answer}");
        let logged = front.access_log_line(header(&answer, "x-request-id").unwrap()).await;
        let path = if head.contains("http:") { "/" } else { "/v1/jobs" };
        assert_eq!((&logged["status"], &logged["path"]), (&status.into(), &path.into()));
    }
    assert!(front.server.heads().is_empty(), "the server heard of a refused request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_before_a_refused_one_is_served() {
    let front = TestGateway::start().await;
    let sent = "GET /v1/jobs HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/nodes HTTP/1.1\r\n\r\nGET /v1/never HTTP/1.1\r\nHost: a\r\n\r\n";
    let answers = front.exchange(sent.as_bytes()).await;
    assert!(answers.starts_with("HTTP/1.1 200"), "{answers}");
    assert!(
        answers.contains("served") && answers.contains("missing required Host header"),
        "{answers}"
    );
    assert_eq!(front.server.paths(), ["/v1/jobs"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_of_an_absolute_target_counts_and_http_1_0_needs_none() {
    let front = TestGateway::start().await;
    let answer = front.exchange(b"GET /v1/jobs HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
    let websocket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (target, host, origin, status) in [
        ("http://real:1/v1/jobs", "other", "http://real:1", 200),
        ("http://real:1/v1/jobs", "other", "http://other", 403),
        ("/v1/jobs", "other", "http://other", 200),
    ] {
        let head =
            format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n{websocket}\r\n");
        let mut stream = TcpStream::connect(front.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        timeout(Duration::from_secs(20), stream.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), format!("HTTP/1.1 {status}"), "{head}");
        if status == 200 {
            assert_eq!(front.last_request_line(), "GET /v1/jobs HTTP/1.1");
        }
    }
}

/// Sends a large incomplete head from 127.0.0.x, and returns the response.
async fn half_sent(last: u8, gateway: SocketAddr, size: usize) -> String {
    let mut stream = connect_from(last, gateway).await;
    let start = "GET /v1/jobs HTTP/1.1\r\nHost: a\r\nx: ";
    stream.write_all(start.as_bytes()).await.unwrap();
    // A refused connection may be closed before everything was sent.
    drop(stream.write_all("y".repeat(size).as_bytes()).await);
    read(&mut stream).await
}

async fn connect_from(last: u8, gateway: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, last], 0).into()).unwrap();
    socket.connect(gateway).await.unwrap()
}

async fn read(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends a whole head of this size from 127.0.0.x.
async fn whole(last: u8, gateway: SocketAddr, size: usize) -> String {
    let mut stream = connect_from(last, gateway).await;
    let x = "y".repeat(size);
    let head = format!("GET /v1/jobs HTTP/1.1\r\nHost: a\r\nConnection: close\r\nx: {x}\r\n\r\n");
    drop(stream.write_all(head.as_bytes()).await);
    timeout(Duration::from_secs(20), read(&mut stream)).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn large_heads_that_never_end_are_bounded_and_others_are_served() {
    let front = TestGateway::start().await;
    let mut clients = FuturesUnordered::new();
    // Each needs 14 permits of 64 KiB, and an address has 256; four addresses have all of them.
    let mut refused = async |last, count: usize, at_most: usize, status: &str| {
        clients.extend((0..count).map(|_| half_sent(last, front.address, 900_000)));
        for number in at_most..count {
            let answer = timeout(Duration::from_secs(20), clients.next()).await;
            let answer = answer.unwrap_or_else(|_| panic!("{number} wait")).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
            assert_eq!(header(&answer, "retry-after"), Some("5"), "{answer}");
            assert_eq!(header(&answer, "connection"), Some("close"), "{answer}");
        }
    };
    refused(1, 200, 18, "429").await;
    let answer = whole(1, front.address, 1000).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "a small head: {answer}");
    let answer = whole(2, front.address, 900_000).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "another address: {answer}");
}
