//! Agents that follow a script.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What a scripted agent does with each connection, after it has read a request's head.
#[derive(Clone, Copy)]
pub(crate) enum Script {
    /// Sends these bytes and closes.
    SendAndClose(&'static str),
    /// Sends these bytes and keeps the connection open.
    SendAndHold(&'static str),
    /// Responds to every request.
    Serve(&'static str),
    /// Responds once, and closes while the gateway holds the idle connection for later.
    ServeOnce(&'static str),
}

/// An agent that follows a script, on a port of its own.
pub(crate) async fn start_scripted(tasks: &mut JoinSet<()>, script: Script) -> SocketAddr {
    start_counted(tasks, script, Arc::default()).await
}

/// The same, with every request counted.
pub(crate) async fn start_counted(
    tasks: &mut JoinSet<()>,
    script: Script,
    requests: Arc<AtomicUsize>,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let requests = Arc::clone(&requests);
            open.spawn(async move {
                if play(&mut stream, script, &requests).await {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    address
}

/// Whether the connection stays open.
async fn play(stream: &mut TcpStream, script: Script, requests: &AtomicUsize) -> bool {
    let answer =
        |body: &str| format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    match script {
        Script::SendAndClose(text) => {
            head(stream, requests).await;
            drop(stream.write_all(text.as_bytes()).await);
            false
        }
        Script::SendAndHold(text) => {
            head(stream, requests).await;
            drop(stream.write_all(text.as_bytes()).await);
            true
        }
        Script::Serve(body) => {
            while head(stream, requests).await {
                drop(stream.write_all(answer(body).as_bytes()).await);
            }
            false
        }
        Script::ServeOnce(body) => {
            head(stream, requests).await;
            drop(stream.write_all(answer(body).as_bytes()).await);
            false
        }
    }
}

/// Reads to the end of a request's head; false when the peer is gone.
async fn head(stream: &mut TcpStream, requests: &AtomicUsize) -> bool {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte).await {
            Ok(1) => seen.push(byte[0]),
            _ => return false,
        }
    }
    requests.fetch_add(1, Ordering::Relaxed);
    true
}
