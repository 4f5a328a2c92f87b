//! An agent whose streams the test writes itself, byte for byte.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};

/// A wait longer than this has failed.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A puppet's response to a request.
pub(crate) enum FakeResponse {
    /// A whole response with this status.
    Complete(u16, String),
    /// 200, and then what the test feeds.
    Stream,
    /// The same; not even the head comes before the first byte.
    StreamWithLateHead,
}

/// A command to a stream. Dropping the sender ends it properly.
pub(crate) enum Feed {
    Chunk(Bytes),
    /// The connection breaks.
    Break,
}

/// The test's end of one stream.
pub(crate) type Feeder = mpsc::UnboundedSender<Feed>;

/// An agent on a port of its own.
#[derive(Clone)]
pub(crate) struct FakeAgent {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    heads: Vec<String>,
    feeders: Vec<Option<Feeder>>,
    ended: usize,
}

impl FakeAgent {
    /// `answer` gets the path and query of each request.
    pub(crate) async fn start<A>(tasks: &mut JoinSet<()>, answer: A) -> Self
    where
        A: Fn(&str) -> FakeResponse + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let puppet = Self { address, seen: Arc::default() };
        let (serving, answer) = (puppet.clone(), Arc::new(answer));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (puppet, answer) = (serving.clone(), Arc::clone(&answer));
                connections.spawn(async move { puppet.serve(stream, &*answer).await });
            }
        });
        puppet
    }

    async fn serve(&self, mut stream: TcpStream, answer: impl Fn(&str) -> FakeResponse) {
        while let Some(head) = head(&mut stream).await {
            let path = head.split(' ').nth(1).unwrap().to_owned();
            self.seen.lock().unwrap().heads.push(head);
            match answer(&path) {
                FakeResponse::Complete(status, body) => {
                    let answer = format!(
                        "HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    drop(stream.write_all(answer.as_bytes()).await);
                }
                reply @ (FakeResponse::Stream | FakeResponse::StreamWithLateHead) => {
                    self.stream_to(&mut stream, matches!(reply, FakeResponse::Stream)).await;
                    self.seen.lock().unwrap().ended += 1;
                    return;
                }
            }
        }
    }

    async fn stream_to(&self, stream: &mut TcpStream, at_once: bool) {
        let (feeder, mut feed) = mpsc::unbounded_channel();
        self.seen.lock().unwrap().feeders.push(Some(feeder));
        let mut head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                        vary: Accept-Encoding\r\ntransfer-encoding: chunked\r\n\r\n";
        if at_once {
            drop(stream.write_all(std::mem::take(&mut head).as_bytes()).await);
        }
        loop {
            let mut byte = [0];
            tokio::select! {
                // A client sends nothing here, so any event means that it has gone.
                _ = stream.read(&mut byte) => return,
                fed = feed.recv() => match fed {
                    Some(Feed::Chunk(chunk)) => {
                        let size = format!("{}{:x}\r\n", std::mem::take(&mut head), chunk.len());
                        let mut wire = size.into_bytes();
                        wire.extend_from_slice(&chunk);
                        wire.extend_from_slice(b"\r\n");
                        drop(stream.write_all(&wire).await);
                    }
                    Some(Feed::Break) => return,
                    None => {
                        drop(stream.write_all(b"0\r\n\r\n").await);
                        return;
                    }
                },
            }
        }
    }

    /// The heads of all requests, as they were sent.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.seen.lock().unwrap().heads.clone()
    }

    /// The paths and queries of all requests.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.heads().iter().map(|head| head.split(' ').nth(1).unwrap().to_owned()).collect()
    }

    /// The feeder of the next stream, once it is requested.
    pub(crate) async fn stream(&self, number: usize) -> Feeder {
        self.wait_for(|seen| seen.feeders.get_mut(number).and_then(Option::take)).await
    }

    /// Waits until this many streams have ended.
    pub(crate) async fn wait_streams_ended(&self, streams: usize) {
        self.wait_for(|seen| (seen.ended >= streams).then_some(())).await;
    }

    async fn wait_for<T>(&self, mut look: impl FnMut(&mut Seen) -> Option<T>) -> T {
        let looking = async {
            loop {
                if let Some(found) = look(&mut self.seen.lock().unwrap()) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(TIMEOUT, looking).await.expect("nothing of the kind happened at the agent")
    }
}

/// A request's head; `None` when the peer is gone.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        seen.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(seen).unwrap())
}

/// Sends a chunk on a stream.
pub(crate) fn send_chunk(feeder: &Feeder, chunk: impl Into<Bytes>) {
    assert!(feeder.send(Feed::Chunk(chunk.into())).is_ok(), "the stream is over");
}
