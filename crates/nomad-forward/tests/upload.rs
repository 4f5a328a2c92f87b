//! Bodies of requests that come late, slowly, or never: what they may hold, and who is told what.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use nomad_acl::AclDisabled;
use nomad_forward::{Agent, DenialDetail, Endpoint, StaticDirectory, connect::Connect, forwarder};
use nomad_wire::Region;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    sync::mpsc,
    time::{Instant, sleep},
};
use tower_service::Service as _;

const SERVER: &str = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";
const SECOND: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_secs(15);

/// An agent that reads a request to its end and answers then; its connections are counted.
#[derive(Clone, Default)]
struct Reader {
    made: Arc<AtomicUsize>,
    /// The connections that were closed by the gateway.
    closed: Arc<AtomicUsize>,
    /// How long it takes to answer when it has read everything.
    slow: Duration,
    /// It reads nothing for this time.
    asleep: Duration,
}

impl Connect for Reader {
    type Io = TokioIo<DuplexStream>;
    type Key = Endpoint;

    fn key(&self, agent: &Agent) -> Endpoint {
        agent.endpoint().clone()
    }

    async fn connect(&self, _: &Agent) -> io::Result<Self::Io> {
        self.made.fetch_add(1, Ordering::SeqCst);
        let (ours, theirs) = duplex(64 << 10);
        tokio::spawn(self.clone().serve(theirs));
        Ok(TokioIo::new(ours))
    }
}

impl Reader {
    async fn serve(self, mut line: DuplexStream) {
        sleep(self.asleep).await;
        let (mut seen, mut piece) = (Vec::new(), vec![0; 32 << 10]);
        while let Ok(length @ 1..) = line.read(&mut piece).await {
            seen.extend_from_slice(&piece[..length]);
            let head = seen.windows(4).position(|four| four == b"\r\n\r\n");
            let Some(head) = head.map(|at| String::from_utf8_lossy(&seen[..at]).into_owned())
            else {
                continue;
            };
            let is_whole = match head.find("content-length: ") {
                Some(at) => {
                    let length = head[at + 16..].lines().next().unwrap();
                    seen.len() == head.len() + 4 + length.parse::<usize>().unwrap()
                }
                None => !head.contains("chunked") || seen.ends_with(b"\r\n0\r\n\r\n"),
            };
            if is_whole {
                sleep(self.slow).await;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nx-read: {}\r\ncontent-length: 2\r\n\r\nok",
                    seen.len()
                );
                line.write_all(answer.as_bytes()).await.unwrap();
                seen.clear();
            }
        }
        self.closed.fetch_add(1, Ordering::SeqCst);
    }

    fn forwarder(&self) -> Forwarder {
        let (region, address) = (Region::default(), SocketAddr::from(([127, 0, 0, 1], 4646)));
        let server = Agent::server("server1", SERVER.parse().unwrap(), region.clone(), address);
        let directory = StaticDirectory::builder(region).agent(server.unwrap()).build();
        forwarder(self.clone(), directory, AclDisabled, DenialDetail::Silent)
    }
}

type Forwarder = nomad_forward::Forwarder<Reader, StaticDirectory, AclDisabled, ClientBody>;

/// What a caller sends: pieces as they are sent, and an error when it breaks off.
struct ClientBody(mpsc::UnboundedReceiver<Result<Bytes, &'static str>>);

impl http_body::Body for ClientBody {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_closed() && self.0.is_empty()
    }
}

type Sender = mpsc::UnboundedSender<Result<Bytes, &'static str>>;

fn client_body() -> (Sender, ClientBody) {
    let (sender, pieces) = mpsc::unbounded_channel();
    (sender, ClientBody(pieces))
}

fn none() -> ClientBody {
    client_body().1
}

fn piece(length: usize) -> Result<Bytes, &'static str> {
    Ok(Bytes::from(vec![b'x'; length]))
}

async fn put(service: &Forwarder, body: ClientBody) -> (u16, String) {
    let request = Request::put("/v1/jobs").body(body).unwrap();
    status_and_text(service.clone().call(request).await).await
}

async fn get(service: &Forwarder) -> u16 {
    let request = Request::get("/v1/jobs").body(none()).unwrap();
    status_and_text(service.clone().call(request).await).await.0
}

async fn status_and_text<R>(answer: Result<Response<R>, Infallible>) -> (u16, String)
where
    R: http_body::Body<Data = Bytes>,
    R::Error: std::fmt::Debug,
{
    let answer = answer.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn many_uploads_that_stop_keep_nobody_waiting() {
    let agent = Reader::default();
    let service = agent.forwarder();
    let mut held = Vec::new();
    let mut uploads = tokio::task::JoinSet::new();
    for _ in 0..270 {
        let (sender, body) = client_body();
        sender.send(piece(1)).unwrap();
        held.push(sender);
        let service = service.clone();
        uploads.spawn(async move { put(&service, body).await });
    }
    sleep(SECOND).await;
    let since = Instant::now();
    assert_eq!(get(&service).await, 200);
    assert_eq!(since.elapsed(), Duration::ZERO);
    assert_eq!(agent.made.load(Ordering::SeqCst), 1, "an upload that stopped has a connection");
    while let Some(told) = uploads.join_next().await {
        assert_eq!(told.unwrap(), (408, "the request's body did not come in time".into()));
    }
    assert!(since.elapsed() <= SILENCE);
}

#[tokio::test(start_paused = true)]
async fn large_uploads_that_stop_keep_nobody_waiting_either() {
    let agent = Reader::default();
    let service = agent.forwarder();
    let (mut held, mut uploads) = (Vec::new(), tokio::task::JoinSet::new());
    for _ in 0..270 {
        let (sender, body) = client_body();
        sender.send(piece(80 << 10)).unwrap();
        held.push(sender);
        let service = service.clone();
        uploads.spawn(async move { put(&service, body).await.0 });
    }
    for _ in 0..4 {
        sleep(SECOND).await;
        let since = Instant::now();
        assert_eq!(get(&service).await, 200);
        let (sender, body) = client_body();
        sender.send(piece(1 << 10)).unwrap();
        drop(sender);
        assert_eq!(put(&service, body).await.0, 200);
        assert_eq!(since.elapsed(), Duration::ZERO);
    }
    let mut told = std::collections::BTreeMap::new();
    while let Some(status) = uploads.join_next().await {
        *told.entry(status.unwrap()).or_insert(0) += 1;
    }
    // Those with a place stopped; the others were told to come again.
    assert_eq!(told, [(408, 10), (503, 260)].into());
}

#[tokio::test(start_paused = true)]
async fn a_large_upload_that_stops_is_closed_and_nobody_is_blamed() {
    let agent = Reader::default();
    let service = agent.forwarder();
    let (sender, body) = client_body();
    for _ in 0..5 {
        sender.send(piece(32 << 10)).unwrap();
    }
    let since = Instant::now();
    let (status, text) = put(&service, body).await;
    assert_eq!((status, &*text), (408, "the request's body did not come in time"));
    assert_eq!(since.elapsed(), SILENCE);
    sleep(SECOND).await;
    assert_eq!(agent.made.load(Ordering::SeqCst), 1);
    assert_eq!(agent.closed.load(Ordering::SeqCst), 1, "its connection is still open");
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_drips_is_one_that_stops() {
    for (before, name) in [(0, "small"), (160 << 10, "large")] {
        let service = Reader::default().forwarder();
        let (sender, body) = client_body();
        sender.send(piece(before)).unwrap();
        let since = Instant::now();
        let drip = tokio::spawn(async move {
            while sender.send(piece(1)).is_ok() {
                sleep(14 * SECOND).await;
            }
        });
        assert_eq!(put(&service, body).await.0, 408, "{name}");
        assert!(since.elapsed() < 30 * SECOND, "{name}: {:?}", since.elapsed());
        drip.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_upload_that_goes_on_arrives_whole_and_its_response_has_all_its_time() {
    let agent = Reader { slow: 14 * SECOND, ..Reader::default() };
    let service = agent.forwarder();
    let (sender, body) = client_body();
    tokio::spawn(async move {
        // Two minutes, and more than is read ahead.
        for _ in 0..60 {
            sleep(2 * SECOND).await;
            sender.send(piece(2 << 10)).unwrap();
        }
    });
    let since = Instant::now();
    assert_eq!(put(&service, body).await, (200, "ok".into()));
    assert_eq!(since.elapsed(), 134 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_reads_late_is_no_fault_of_the_client() {
    let agent = Reader { asleep: 25 * SECOND, ..Reader::default() };
    let service = agent.forwarder();
    let (sender, body) = client_body();
    tokio::spawn(async move {
        for _ in 0..100 {
            sender.send(piece(16 << 10)).unwrap();
        }
    });
    assert_eq!(put(&service, body).await, (200, "ok".into()));
}

#[tokio::test(start_paused = true)]
async fn a_broken_body_is_the_clients_fault() {
    for before in [0, 1, 300 << 10] {
        let agent = Reader::default();
        let service = agent.forwarder();
        let (sender, body) = client_body();
        sender.send(piece(before)).unwrap();
        tokio::spawn(async move {
            sleep(SECOND).await;
            sender.send(Err("bad chunk")).unwrap();
        });
        let (status, text) = put(&service, body).await;
        assert_eq!(status, 400, "{before} bytes: {text}");
        assert!(!text.contains("agent"), "{text}");
        let connections = agent.made.load(Ordering::SeqCst);
        assert_eq!(connections, usize::from(before > 64 << 10), "{before} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_of_any_size_arrives_whole() {
    for size in [0, 1, 65_535, 65_536, 65_537, 1 << 20] {
        for pieces in [1, 7] {
            let service = Reader::default().forwarder();
            let (sender, body) = client_body();
            for n in 0..pieces {
                let length = size / pieces + if n == 0 { size % pieces } else { 0 };
                sender.send(piece(length)).unwrap();
            }
            drop(sender);
            let request = Request::put("/v1/jobs").body(body).unwrap();
            let answer = service.clone().call(request).await.unwrap();
            assert_eq!(answer.status(), 200, "{size} bytes in {pieces}");
            let read: usize = answer.headers()["x-read"].to_str().unwrap().parse().unwrap();
            assert!(read > size && read < size + size / 100 + 600, "{size} in {pieces}: {read}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_may_name_the_node_is_waited_for_no_longer_than_any() {
    for path in ["/v1/client/metadata", "/v1/client/identity/renew"] {
        let agent = Reader::default();
        let mut service = agent.forwarder();
        for (last, expected) in [
            (None, (408, "the request's body did not come in time".to_owned())),
            (Some(Err("broken off")), (400, "unexpected EOF".to_owned())),
        ] {
            let (sender, body) = client_body();
            sender.send(Ok(Bytes::from_static(b"{\"NodeID\":"))).unwrap();
            if let Some(last) = last {
                sender.send(last).unwrap();
            }
            let since = Instant::now();
            let request = Request::post(path).body(body).unwrap();
            assert_eq!(status_and_text(service.call(request).await).await, expected, "{path}");
            assert!(since.elapsed() <= SILENCE + SECOND, "{:?}", since.elapsed());
        }
        assert_eq!(agent.made.load(Ordering::SeqCst), 0, "a connection waits for a body");
    }
}
