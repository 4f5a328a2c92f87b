//! Proxies before the gateway: whose requests they forward, and who is believed about that.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use nomad_acl::AclDisabled;
use nomad_gateway::{
    Gateway, ShutdownController,
    client_address::TrustedProxies,
    listener::Listener,
    telemetry::AccessLog,
    tls::{Acceptor, ClientCertificates},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    authority::{Authority, call_over},
    hello::{LIMIT, NODE, directory},
};

const V1: &[u8] = b"PROXY TCP4 192.0.2.9 192.0.2.1 4711 443\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x13\xc0\0\x02\x09\xc0\0\x02\x01\x12\x67\x01\xbb\
    \x01\0\x04http";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
const UNKNOWN: &[u8] = b"PROXY UNKNOWN\r\n";

/// Says what it was told, with `hold` in the query never.
#[derive(Clone)]
struct AgentThatTells;

impl<B> tower_service::Service<Request<B>> for AgentThatTells {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let is_held = request.uri().query().is_some_and(|query| query.contains("hold"));
        let names = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"];
        let told = names.map(|name| {
            let values: Vec<_> = request.headers().get_all(name).iter().collect();
            assert!(values.len() <= 1, "{values:?}");
            values.first().map_or("-", |value| value.to_str().unwrap()).to_owned()
        });
        let text = format!("<{}>", told.join(" | "));
        async move {
            if is_held {
                sleep(LIMIT).await;
            }
            Ok(Response::new(text.into()))
        }
        .boxed()
    }
}

/// Serves with what is set up, in front of an agent that says what it was told.
async fn serve(
    set_up: impl FnOnce(Listener) -> Listener,
    configure: impl FnOnce(
        Gateway<nomad_forward::StaticDirectory, AclDisabled>,
    ) -> Gateway<nomad_forward::StaticDirectory, AclDisabled>,
) -> (SocketAddr, ShutdownController) {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let agent = Listener::bind(loopback).await.unwrap();
    let listener = set_up(Listener::bind(loopback).await.unwrap());
    let (address, stopper) = (listener.address(), ShutdownController::new(Duration::ZERO));
    let gateway = configure(Gateway::new(directory(agent.address()), AclDisabled));
    tokio::spawn(agent.serve(AgentThatTells, stopper.subscribe()));
    tokio::spawn(gateway.serve(listener, stopper.subscribe()));
    (address, stopper)
}

fn loopback() -> TrustedProxies {
    TrustedProxies::parse(["127.0.0.0/8"]).unwrap()
}

async fn with_headers() -> (SocketAddr, ShutdownController) {
    let listener = |listener: Listener| listener.trusted_proxies(loopback()).proxy_protocol();
    serve(listener, |gateway| gateway.trusted_proxies(loopback())).await
}

/// What the agent was told, or what came in its place.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), headers: &str) -> String {
    let path = format!("/v1/client/stats?node_id={NODE}");
    let request = format!("GET {path} HTTP/1.1\r\nhost: gateway.test\r\n{headers}\r\n");
    drop(stream.write_all(request.as_bytes()).await);
    answer(stream).await
}

async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b">") && !answer.ends_with(b"your calls\n") {
        if timeout(LIMIT, stream.read_buf(&mut answer)).await.unwrap().unwrap_or(0) == 0 {
            break;
        }
    }
    let text = String::from_utf8(answer).unwrap();
    match text.split_once('<') {
        Some((_, told)) => told.trim_end_matches('>').to_owned(),
        None => text.lines().next().unwrap_or_default().to_owned(),
    }
}

async fn behind(address: SocketAddr, header: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(header).await.unwrap();
    stream
}

const SPOOFED: &str = "X-Forwarded-For: 198.51.100.1\r\nx-forwarded-for: 198.51.100.2\r\n\
    X-Forwarded-Proto: https\r\nX-Forwarded-Host: elsewhere\r\nForwarded: for=198.51.100.1\r\n";

#[tokio::test]
async fn an_agent_is_told_the_address_of_the_client_and_not_what_it_says() {
    let (address, _stopper) = serve(|listener| listener, |gateway| gateway).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let told = "127.0.0.1 | http | gateway.test | for=127.0.0.1;proto=http";
    assert_eq!(ask(&mut stream, "").await, told);
    assert_eq!(ask(&mut stream, SPOOFED).await, told);
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_request_by_request() {
    let listener = |listener: Listener| listener.trusted_proxies(loopback());
    let (address, _stopper) = serve(listener, |gateway| gateway.trusted_proxies(loopback())).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let one = "X-Forwarded-For: 1.1.1.1, 192.0.2.9\r\nX-Forwarded-Proto: https\r\n\
        X-Forwarded-Host: nomad.example\r\n";
    let told = "192.0.2.9, 127.0.0.1 | https | nomad.example \
        | for=192.0.2.9;proto=https, for=127.0.0.1";
    assert_eq!(ask(&mut stream, one).await, told);
    let other = "Forwarded: for=\"[2001:db8::9]:80\";proto=http;host=\"other:80\"\r\n";
    let told = "2001:db8::9, 127.0.0.1 | http | other:80 \
        | for=\"[2001:db8::9]\";proto=http, for=127.0.0.1";
    assert_eq!(ask(&mut stream, other).await, told);
    let none = "127.0.0.1 | http | gateway.test | for=127.0.0.1;proto=http";
    assert_eq!(ask(&mut stream, "").await, none);
}

#[tokio::test]
async fn a_proxy_header_says_whose_a_connection_is() {
    let (address, _stopper) = with_headers().await;
    let named = "192.0.2.9 | http | gateway.test | for=192.0.2.9;proto=http";
    for header in [V1, V2] {
        let mut stream = behind(address, header).await;
        assert_eq!(ask(&mut stream, "").await, named);
        // The client is no trusted proxy, whoever relays it.
        assert_eq!(ask(&mut stream, SPOOFED).await, named);
    }
    let proxy = "127.0.0.1 | http | gateway.test | for=127.0.0.1;proto=http";
    let mut stream = behind(address, UNKNOWN).await;
    assert_eq!(ask(&mut stream, SPOOFED).await, proxy, "nobody knows who says this");
    let mut stream = behind(address, LOCAL).await;
    assert_eq!(ask(&mut stream, "").await, proxy);
    let chain = ask(&mut stream, "x-forwarded-for: 192.0.2.7\r\n").await;
    assert!(chain.starts_with("192.0.2.7, 127.0.0.1 |"), "{chain}");
    // A client that is a trusted proxy, too: two in a row.
    let mut stream = behind(address, b"PROXY TCP4 127.0.0.9 127.0.0.1 1 2\r\n").await;
    let chain = ask(&mut stream, "x-forwarded-for: 192.0.2.7\r\n").await;
    assert!(chain.starts_with("192.0.2.7, 127.0.0.9 |"), "{chain}");
}

#[tokio::test]
async fn a_header_may_come_in_any_number_of_pieces_and_with_the_request() {
    let (address, _stopper) = with_headers().await;
    let request = format!("GET /v1/client/stats?node_id={NODE} HTTP/1.1\r\nhost: a\r\n\r\n");
    for header in [V1, V2] {
        let sent = [header, request.as_bytes()].concat();
        let mut stream = behind(address, &sent).await;
        assert!(answer(&mut stream).await.starts_with("192.0.2.9 |"));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for byte in &sent[..header.len() + 5] {
            stream.write_all(&[*byte]).await.unwrap();
            sleep(Duration::from_millis(1)).await;
        }
        stream.write_all(&sent[header.len() + 5..]).await.unwrap();
        assert!(answer(&mut stream).await.starts_with("192.0.2.9 |"));
    }
}

#[tokio::test]
async fn what_has_no_valid_header_is_closed_without_a_word() {
    let (address, _stopper) = with_headers().await;
    for wrong in [
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n".as_slice(),
        b"PROXY TCP4 nobody 192.0.2.1 4711 443\r\n",
        &[b"PROXY UNKNOWN ".as_slice(), &[b'x'; 200]].concat(),
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
        b"\x16\x03\x01\x02\0",
    ] {
        let mut stream = behind(address, wrong).await;
        assert_eq!(answer(&mut stream).await, "", "{}", wrong.escape_ascii());
    }
    // Half a header.
    let mut stream = behind(address, &V2[..20]).await;
    stream.shutdown().await.unwrap();
    assert_eq!(answer(&mut stream).await, "");
}

#[tokio::test]
async fn nobody_but_a_trusted_proxy_may_send_a_header() {
    let elsewhere = || TrustedProxies::parse(["192.0.2.0/24"]).unwrap();
    let listener = |listener: Listener| listener.trusted_proxies(elsewhere()).proxy_protocol();
    let (address, _stopper) = serve(listener, |gateway| gateway.trusted_proxies(elsewhere())).await;
    let mut stream = behind(address, V1).await;
    assert_eq!(ask(&mut stream, "").await, "");
}

#[tokio::test]
async fn a_header_that_does_not_come_is_waited_for_no_longer_than_a_handshake() {
    let short = Duration::from_millis(300);
    let plain = |listener: Listener| {
        listener.trusted_proxies(loopback()).proxy_protocol().header_limit(Some(short))
    };
    let (plain, _one) = serve(plain, |gateway| gateway).await;
    let authority = Authority::new();
    let acceptor = Acceptor::load(authority.server(ClientCertificates::Ignored)).unwrap();
    let acceptor = acceptor.handshake_timeout(Some(short));
    let tls =
        |listener: Listener| listener.trusted_proxies(loopback()).proxy_protocol().tls(acceptor);
    let (tls, _two) = serve(tls, |gateway| gateway).await;
    for (address, sent) in [(plain, &V2[..20]), (tls, &V2[..20]), (tls, V2)] {
        let mut stream = behind(address, sent).await;
        assert_eq!(answer(&mut stream).await, "");
    }
}

#[tokio::test]
async fn connections_without_a_header_are_bounded_as_handshakes_are() {
    let authority = Authority::new();
    let acceptor = Acceptor::load(authority.server(ClientCertificates::Ignored)).unwrap();
    let acceptor = acceptor.bound_handshakes(2, 8).handshake_timeout(None);
    let handshakes = acceptor.handshakes().clone();
    let listener =
        |listener: Listener| listener.trusted_proxies(loopback()).proxy_protocol().tls(acceptor);
    let (address, _stopper) = serve(listener, |gateway| gateway).await;
    let mut waiting = [behind(address, b"PROXY ").await, behind(address, &V2[..9]).await];
    timeout(LIMIT, async {
        while handshakes.open() < 2 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    let mut third = TcpStream::connect(address).await.unwrap();
    assert_eq!(answer(&mut third).await, "");
    assert_eq!(handshakes.refused(), 1);
    // With its header a connection is counted for its client.
    waiting[1].write_all(&V2[9..]).await.unwrap();
    let fourth = timeout(LIMIT, async {
        loop {
            let mut stream = behind(address, V1).await;
            let mut byte = [0];
            let closed = timeout(Duration::from_millis(100), stream.read(&mut byte)).await;
            if closed.is_err() {
                break stream;
            }
        }
    });
    drop(fourth.await.unwrap());
}

#[tokio::test]
async fn tls_comes_after_the_header() {
    let authority = Authority::new();
    let acceptor = Acceptor::load(authority.server(ClientCertificates::Ignored)).unwrap();
    let listener =
        |listener: Listener| listener.trusted_proxies(loopback()).proxy_protocol().tls(acceptor);
    let (address, _stopper) = serve(listener, |gateway| gateway.trusted_proxies(loopback())).await;
    let told = "192.0.2.9 | https | gateway.test | for=192.0.2.9;proto=https";
    for header in [V1, V2] {
        let stream = behind(address, header).await;
        let mut stream = call_over(&authority, stream, None, &["http/1.1"]).await.unwrap();
        assert_eq!(ask(&mut stream, SPOOFED).await, told);
    }
    let stream = call_over(&authority, behind(address, V2).await, None, &["h2"]).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(format!("https://gateway.test/v1/client/stats?node_id={NODE}"));
    let request = request.header("x-forwarded-for", "10.9.8.7").body(Empty::<Bytes>::new());
    let response = sender.send_request(request.unwrap()).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, format!("<{told}>").as_bytes());
}

#[tokio::test]
async fn the_connections_of_a_client_are_counted_behind_a_proxy() {
    let listener = |listener: Listener| {
        listener.per_client_limit(1).trusted_proxies(loopback()).proxy_protocol()
    };
    let (address, _stopper) = serve(listener, |gateway| gateway).await;
    let mut first = behind(address, V1).await;
    assert!(ask(&mut first, "").await.starts_with("192.0.2.9 |"));
    let mut second = behind(address, V2).await;
    let refused = ask(&mut second, "").await;
    assert!(matches!(&*refused, "HTTP/1.1 429 Too Many Requests" | ""), "{refused}");
    let mut other = behind(address, b"PROXY TCP6 2001:db8::9 ::1 4711 443\r\n").await;
    assert!(ask(&mut other, "").await.starts_with("2001:db8::9 |"));
    // The proxy itself looks whether the gateway lives, as often as it likes.
    let mut checks = [behind(address, LOCAL).await, behind(address, LOCAL).await];
    for check in &mut checks {
        assert!(ask(check, "").await.starts_with("127.0.0.1 |"));
    }
}

#[tokio::test]
async fn the_requests_of_a_client_are_counted_behind_a_proxy_that_speaks_http() {
    let listener = |listener: Listener| listener.per_client_limit(1).trusted_proxies(loopback());
    let (address, _stopper) =
        serve(listener, |gateway| gateway.trusted_proxies(loopback()).per_client_limit(1)).await;
    let mut held = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /v1/client/stats?node_id={NODE}&hold HTTP/1.1\r\nhost: a\r\n\
         x-forwarded-for: 192.0.2.9\r\n\r\n"
    );
    held.write_all(request.as_bytes()).await.unwrap();
    let (mine, others) = ("x-forwarded-for: 192.0.2.9\r\n", "x-forwarded-for: 192.0.2.8\r\n");
    // Another connection of the same proxy.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let wait_for = async |stream: &mut TcpStream, wanted: &str| {
        let asked = async {
            loop {
                let said = ask(stream, mine).await;
                if said.starts_with(wanted) {
                    return;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LIMIT, asked).await.unwrap();
    };
    wait_for(&mut stream, "HTTP/1.1 429").await;
    assert!(ask(&mut stream, others).await.starts_with("192.0.2.8, 127.0.0.1 |"));
    assert!(ask(&mut stream, "").await.starts_with("127.0.0.1 |"));
    drop(held);
    wait_for(&mut stream, "192.0.2.9, 127.0.0.1 |").await;
}

#[tokio::test]
async fn the_access_log_names_the_client() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("access.log");
    let log = AccessLog::from_arg(&file).unwrap();
    let listener = |listener: Listener| listener.trusted_proxies(loopback());
    let (address, stopper) =
        serve(listener, |gateway| gateway.trusted_proxies(loopback()).access_log(log)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut stream, "x-forwarded-for: 2001:db8::9\r\n").await.starts_with("2001:db8::9"));
    drop(stream);
    let read = async {
        loop {
            let text = std::fs::read_to_string(&file).unwrap();
            if let Ok(line) = serde_json::from_str::<serde_json::Value>(&text) {
                return line;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let line = timeout(LIMIT, read).await.unwrap();
    assert_eq!(line["client"], "2001:db8::9");
    assert!(line["remote"].as_str().unwrap().starts_with("127.0.0.1:"));
    drop(stopper);
}
