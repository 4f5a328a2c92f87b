//! A refusal that does not wait for the body reaches its caller, however much the caller is still sending.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use nomad_acl::tokens::TokenTable;
use nomad_gateway::{
    Gateway, ShutdownController, SystemClock,
    listener::Listener,
    tls::{Acceptor, ClientCertificates},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    time::timeout,
};

use crate::{
    authority::{Authority, connect},
    hello::{LIMIT, NODE, directory, start_agent},
};

const SIZES: [usize; 5] = [20_000, 60_000, 100_000, 200_000, 1_000_000];
const TRIES: usize = 10;

/// What a caller sends before anybody else has a turn.
const PIECE: usize = 16 << 10;

struct Gateways {
    plain: SocketAddr,
    tls: SocketAddr,
    authority: Authority,
    _stopper: ShutdownController,
}

/// Gateways that know nobody's token.
async fn gateways() -> Gateways {
    let authority = Authority::new();
    let acceptor = Acceptor::load(authority.server(ClientCertificates::Ignored)).unwrap();
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let plain = Listener::bind(loopback).await.unwrap();
    let tls = Listener::bind(loopback).await.unwrap().tls(acceptor);
    let stopper = ShutdownController::new(Duration::ZERO);
    let nobody = r#"{"policies": [], "tokens": []}"#;
    let tokens = TokenTable::from_json(nobody, SystemClock::start()).unwrap();
    let fleet = directory(start_agent(None).await);
    let addresses = (plain.address(), tls.address());
    for listener in [plain, tls] {
        let gateway = Gateway::new(fleet.clone(), tokens.clone());
        tokio::spawn(gateway.serve(listener, stopper.subscribe()));
    }
    Gateways { plain: addresses.0, tls: addresses.1, authority, _stopper: stopper }
}

fn path() -> String {
    format!("/v1/client/gc?node_id={NODE}")
}

/// Sends everything before it reads anything, and gives up when that fails, as many programs do.
pub(crate) async fn send_then_read(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    path: &str,
    size: usize,
) -> String {
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: gateway.test\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n"
    );
    let mut sent = stream.write_all(head.as_bytes()).await;
    let mut left = size;
    while sent.is_ok() && left > 0 {
        let piece = vec![b'x'; left.min(PIECE)];
        left -= piece.len();
        sent = stream.write_all(&piece).await;
        tokio::task::yield_now().await;
    }
    if let Err(error) = sent.and(stream.flush().await) {
        return error.to_string();
    }
    let mut answer = Vec::new();
    drop(timeout(LIMIT, stream.read_to_end(&mut answer)).await);
    let head = String::from_utf8_lossy(&answer);
    head.lines().next().unwrap_or_default().to_owned()
}

type Pieces = StreamBody<BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

/// A body in pieces, and when the last of them is taken.
fn pieces(size: usize) -> (Pieces, oneshot::Receiver<()>) {
    let (tell, taken) = oneshot::channel();
    let lengths = (0..size).step_by(PIECE).map(move |at| PIECE.min(size - at));
    let pieces = lengths.map(|length| Ok(Frame::data(vec![b'x'; length].into())));
    let end = stream::once(async move {
        let _nobody_waits = tell.send(());
        Ok(Frame::data(Bytes::from_static(b"x")))
    });
    (StreamBody::new(stream::iter(pieces).chain(end).boxed()), taken)
}

/// The status of the answer, if it came whole and nothing told the caller to stop before it had sent everything.
pub(crate) async fn upload_over_http_2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    path: &str,
    size: usize,
) -> Option<u16> {
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (body, sent) = pieces(size);
    let request = Request::put(format!("https://gateway.test{path}")).body(body).unwrap();
    let answer = timeout(LIMIT, sender.send_request(request)).await.ok()?.ok()?;
    let status = answer.status().as_u16();
    timeout(LIMIT, answer.into_body().collect()).await.ok()?.ok()?;
    timeout(LIMIT, sent).await.ok()?.ok()?;
    Some(status)
}

/// How many of some tries saw the refusal.
async fn count_successes(tries: impl AsyncFn() -> bool) -> usize {
    let mut seen = 0;
    for _ in 0..TRIES {
        seen += usize::from(tries().await);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_http_1_that_is_still_sending_reads_why() {
    let gateways = gateways().await;
    for size in SIZES {
        let plain = count_successes(async || {
            let stream = TcpStream::connect(gateways.plain).await.unwrap();
            send_then_read(stream, &path(), size).await == "HTTP/1.1 403 Forbidden"
        });
        assert_eq!(plain.await, TRIES, "{size} bytes");
        let tls = count_successes(async || {
            let stream = connect(&gateways.authority, gateways.tls, None, &["http/1.1"]).await;
            send_then_read(stream.unwrap(), &path(), size).await == "HTTP/1.1 403 Forbidden"
        });
        assert_eq!(tls.await, TRIES, "{size} bytes over TLS");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_http_2_that_is_still_sending_reads_why() {
    let gateways = gateways().await;
    for size in SIZES {
        let tries = count_successes(async || {
            let stream = connect(&gateways.authority, gateways.tls, None, &["h2"]).await.unwrap();
            upload_over_http_2(stream, &path(), size).await == Some(403)
        });
        assert_eq!(tries.await, TRIES, "{size} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_refused_says_so_to_whoever_is_still_sending() {
    let gateways = gateways().await;
    let many: String = (0..2000).map(|number| format!("x-{number}: y\r\n")).collect();
    for wrong in ["GARBAGE\r\n\r\n".to_owned(), format!("PUT / HTTP/1.1\r\n{many}\r\n")] {
        let tries = count_successes(async || {
            let mut stream = TcpStream::connect(gateways.plain).await.unwrap();
            let mut sent = stream.write_all(wrong.as_bytes()).await;
            for _ in 0..20 {
                tokio::task::yield_now().await;
                sent = sent.and(stream.write_all(&[b'x'; PIECE]).await);
            }
            let mut answer = Vec::new();
            drop(timeout(LIMIT, stream.read_to_end(&mut answer)).await);
            answer.starts_with(b"HTTP/1.1 4")
        });
        assert_eq!(tries.await, TRIES, "{wrong:.20}");
    }
    // Whoever speaks plain HTTP where TLS is spoken.
    let tries = count_successes(async || {
        let stream = TcpStream::connect(gateways.tls).await.unwrap();
        send_then_read(stream, &path(), 100_000).await == "HTTP/1.0 400 Bad Request"
    });
    assert_eq!(tries.await, TRIES, "plain HTTP");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_told_so_while_it_sends() {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap().per_client_limit(1);
    let address = listener.address();
    let stopper = ShutdownController::new(Duration::ZERO);
    let gateway = Gateway::new(directory(start_agent(None).await), nomad_acl::AclDisabled);
    tokio::spawn(gateway.serve(listener, stopper.subscribe()));
    let _first = TcpStream::connect(address).await.unwrap();
    let tries = count_successes(async || {
        let stream = TcpStream::connect(address).await.unwrap();
        send_then_read(stream, &path(), 100_000).await == "HTTP/1.1 429 Too Many Requests"
    });
    assert_eq!(tries.await, TRIES);
}
