//! An agent in memory that takes a second for an answer.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper_util::rt::TokioIo;
use nomad_forward::{StaticDirectory, connect::Connect};
use nomad_wire::Region;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::sleep,
};

const SERVER: &str = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";

/// Answered after a second.
pub(super) const HOST: &str = "/v1/agent/host?server_id=server1";
/// Never answered.
pub(super) const SILENT: &str = "/v1/agent/self?server_id=server1";
/// Begun and never ended.
pub(super) const STREAM: &str = "/v1/agent/monitor?server_id=server1";
/// The connection is closed instead.
pub(super) const BROKEN: &str = "/v1/agent/health?server_id=server1";

/// A directory that knows it.
pub(super) fn table() -> StaticDirectory {
    let address: SocketAddr = ([127, 0, 0, 1], 4646).into();
    let id = SERVER.parse().unwrap();
    let server = nomad_forward::Agent::server("server1", id, Region::default(), address);
    StaticDirectory::builder(Region::default()).agent(server.unwrap()).build()
}

#[derive(Clone, Default)]
pub(super) struct Agent {
    answering: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Agent {
    /// How many requests it had at one time.
    pub(super) fn most_at_once(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    async fn serve(self, mut line: DuplexStream) {
        let mut head = [0; 1024];
        while let Ok(length @ 1..) = line.read(&mut head).await {
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let answer: &[u8] = match &head {
                head if head.contains(SILENT) => std::future::pending().await,
                head if head.contains(BROKEN) => return,
                head if head.contains("monitor") => {
                    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"
                }
                _ => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            };
            let answering = self.answering.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(answering, Ordering::SeqCst);
            sleep(Duration::from_secs(1)).await;
            self.answering.fetch_sub(1, Ordering::SeqCst);
            if line.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

impl Connect for Agent {
    type Io = TokioIo<DuplexStream>;
    type Key = ();

    fn key(&self, _: &nomad_forward::Agent) {}

    async fn connect(&self, _: &nomad_forward::Agent) -> io::Result<Self::Io> {
        let (ours, theirs) = duplex(64 << 10);
        tokio::spawn(self.clone().serve(theirs));
        Ok(TokioIo::new(ours))
    }
}
