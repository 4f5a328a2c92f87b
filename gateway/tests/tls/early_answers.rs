//! An agent's answer that does not wait for the body reaches its caller over TLS, however much the caller is still sending.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use nomad_acl::AclDisabled;
use nomad_gateway::{
    Gateway, ShutdownController,
    listener::Listener,
    tls::{Acceptor, ClientCertificates},
};

use crate::{
    authority::{Authority, connect},
    hello::{LIMIT, NODE, directory},
    refusals::{send_then_read, upload_over_http_2},
};

const SIZES: [usize; 3] = [20_000, 200_000, 2_000_000];

/// An answer that is lost is lost by chance.
const TRIES: usize = 20;

/// What Go's server waits, with its sending side shut, for a caller that is still sending.
const GO_WAITS: Duration = Duration::from_millis(500);

/// Bodies up to this are read to their end by Go's server when a handler has not.
const GO_READS: usize = 256 << 10;

/// How an agent ends a connection whose request it has not read.
#[derive(Debug, Clone, Copy)]
enum End {
    /// At once: what is unread makes its machine send a reset.
    Reset,
    /// As Go's server does.
    Go,
}

/// An agent that says this as soon as it has a request's head.
async fn refusing(status: &'static str, end: End) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(refuse(stream, status, end));
        }
    });
    address
}

async fn refuse(mut stream: TcpStream, status: &str, end: End) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let answer =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 7\r\n\r\nrefused");
    drop(stream.write_all(answer.as_bytes()).await);
    if let End::Go = end {
        let mut rest = (&mut stream).take(GO_READS as u64);
        drop(timeout(GO_WAITS, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await);
        drop(stream.shutdown().await);
        drop(timeout(GO_WAITS, std::future::pending::<()>()).await);
    }
}

/// A gateway over TLS in front of this agent.
async fn front(
    authority: &Authority,
    agent: SocketAddr,
    stopper: &ShutdownController,
) -> SocketAddr {
    let acceptor = Acceptor::load(authority.server(ClientCertificates::Ignored)).unwrap();
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap().tls(acceptor);
    let address = listener.address();
    tokio::spawn(Gateway::new(directory(agent), AclDisabled).serve(listener, stopper.subscribe()));
    address
}

/// Every caller, over both versions of HTTP and with every size of body, reads the agent's own answer.
async fn every_caller_reads(status: &'static str) {
    let (authority, stopper) = (Authority::new(), ShutdownController::new(LIMIT));
    let path = format!("/v1/client/gc?node_id={NODE}");
    let (code, line) = (status[..3].parse().unwrap(), format!("HTTP/1.1 {status}"));
    for end in [End::Reset, End::Go] {
        let gateway = front(&authority, refusing(status, end).await, &stopper).await;
        for size in SIZES {
            for n in 0..TRIES {
                let stream = connect(&authority, gateway, None, &["http/1.1"]).await.unwrap();
                let read = send_then_read(stream, &path, size).await;
                assert_eq!(read, line, "HTTP/1.1, {size} bytes, {end:?}, {n}");
                let stream = connect(&authority, gateway, None, &["h2"]).await.unwrap();
                let read = upload_over_http_2(stream, &path, size).await;
                assert_eq!(read, Some(code), "HTTP/2, {size} bytes, {end:?}, {n}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_caller_over_tls_reads_the_413_of_an_agent_that_does_not_read_the_body() {
    every_caller_reads("413 Request Entity Too Large").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_caller_over_tls_reads_the_403_of_an_agent_that_does_not_read_the_body() {
    every_caller_reads("403 Forbidden").await;
}
