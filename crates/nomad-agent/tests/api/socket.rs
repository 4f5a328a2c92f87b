//! One stream over a real socket: what an HTTP server makes of a body that is produced while it is read.

use hyper_util::rt::TokioIo;
use nomad_acl::AclDisabled;
use nomad_agent::{Agent, Role, standalone};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task,
};
use tower_service::Service as _;
use tracing::info;

use crate::support::start_alone;

/// Serves the agent on a free port, and connects to it.
async fn connect(agent: &Agent) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let agent = agent.clone();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let service = standalone(agent, AclDisabled);
        let service = hyper::service::service_fn(move |request| service.clone().call(request));
        // A client that disconnects in the middle of a stream is an error to hyper and none to us.
        let serving = hyper::server::conn::http1::Builder::new();
        drop(serving.serve_connection(TokioIo::new(socket), service).await);
    });
    TcpStream::connect(address).await.unwrap()
}

async fn read_until(socket: &mut TcpStream, end: &str) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(end.as_bytes()) {
        seen.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(seen).unwrap()
}

#[tokio::test]
async fn a_plain_monitor_is_silent_then_chunked_and_ends_with_its_caller() {
    let agent = start_alone(Role::Client).await;
    let mut socket = connect(&agent).await;
    let request = "GET /v1/agent/monitor?plain=true HTTP/1.1\r\nHost: a\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    while agent.log().receiver_count() == 0 {
        task::yield_now().await;
    }
    // Not even a head is sent before the first line.
    assert_eq!(socket.try_read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);

    tracing::dispatcher::with_default(agent.dispatch(), || info!(target: "client", "hello"));
    let head = read_until(&mut socket, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("content-type: text/plain\r\n"), "{head}");
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    let chunk = read_until(&mut socket, "hello\n\r\n").await;
    let (size, line) = chunk.split_once("\r\n").unwrap();
    assert_eq!(usize::from_str_radix(size, 16).unwrap(), line.len() - 2);

    assert_eq!((agent.log().receiver_count(), agent.open_streams()), (1, 1));
    drop(socket);
    while agent.open_streams() > 0 {
        task::yield_now().await;
    }
    assert_eq!(agent.log().receiver_count(), 0);
}
