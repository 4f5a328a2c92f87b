//! An agent allows one address so many connections: who waits, how long, and what is said then.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

use std::{
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
use http_body_util::{BodyExt as _, Empty};
use hyper::rt;
use hyper_util::rt::TokioIo;
use nomad_acl::AclDisabled;
use nomad_forward::{
    Agent, Bounds, Budget, Denials, Endpoint, Table, connect::Connect, forwarder_within,
};
use nomad_wire::Region;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::Instant,
};
use tower_service::Service as _;

const SERVER: &str = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";

const BUDGET: Budget = Budget { connections: 2, waiting: 3, patience: Duration::from_secs(5) };

/// An agent whose streams never end, and whose other answers come at once; its connections are counted.
#[derive(Clone, Default)]
struct Counted {
    open: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Connect for Counted {
    type Io = Line;
    type Key = Endpoint;

    fn key(&self, agent: &Agent) -> Endpoint {
        agent.endpoint().clone()
    }

    async fn connect(&self, _: &Agent) -> io::Result<Self::Io> {
        let (ours, theirs) = duplex(64 << 10);
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(open, Ordering::SeqCst);
        tokio::spawn(serve(theirs));
        Ok(Line { io: TokioIo::new(ours), open: Arc::clone(&self.open) })
    }
}

/// A connection that is counted until it is closed.
struct Line {
    io: TokioIo<DuplexStream>,
    open: Arc<AtomicUsize>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl rt::Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl rt::Write for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

async fn serve(mut line: DuplexStream) {
    let mut head = [0; 1024];
    while let Ok(length @ 1..) = line.read(&mut head).await {
        let is_stream = String::from_utf8_lossy(&head[..length]).contains("monitor");
        let answer: &[u8] = if is_stream {
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"
        } else {
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
        };
        if line.write_all(answer).await.is_err() {
            return;
        }
    }
}

type Forwarder = nomad_forward::Forwarder<Counted, Table, AclDisabled, Empty<Bytes>>;
type Answer = Response<<Forwarder as Body>::Body>;

/// The body of a forwarder's answers.
trait Body {
    type Body;
}

impl<S, R> Body for S
where
    S: tower_service::Service<Request<Empty<Bytes>>, Response = Response<R>>,
{
    type Body = R;
}

fn forwarder(agent: &Counted) -> Forwarder {
    let address: SocketAddr = ([127, 0, 0, 1], 4646).into();
    let region = Region::default();
    let server = Agent::server("server1", SERVER.parse().unwrap(), region.clone(), address);
    let elsewhere: SocketAddr = ([127, 0, 0, 2], 4646).into();
    let client = Agent::client("client1", SERVER.parse().unwrap(), region.clone(), elsewhere);
    let agents = [server.unwrap(), client.unwrap()];
    let directory =
        agents.into_iter().fold(Table::builder(region), |table, agent| table.agent(agent));
    let directory = directory.build();
    forwarder_within(
        agent.clone(),
        directory,
        AclDisabled,
        Denials::Silent,
        Bounds { budget: BUDGET, ..Bounds::default() },
    )
}

async fn ask(service: &Forwarder, path: &str) -> Answer {
    let request = Request::get(path).body(Empty::<Bytes>::new()).unwrap();
    service.clone().call(request).await.unwrap()
}

const STREAM: &str = "/v1/agent/monitor?server_id=server1";

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_is_told_to_come_again() {
    let agent = Counted::default();
    let service = forwarder(&agent);
    let streams = [ask(&service, STREAM).await, ask(&service, STREAM).await];
    let since = Instant::now();
    let answer = ask(&service, "/v1/agent/self?server_id=server1").await;
    assert_eq!((answer.status().as_u16(), since.elapsed()), (503, BUDGET.patience));
    assert_eq!(answer.headers()["retry-after"], "1");
    drop(streams);
    let answer = ask(&service, "/v1/agent/self?server_id=server1").await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once() {
    let agent = Counted::default();
    let service = forwarder(&agent);
    let _streams = [ask(&service, STREAM).await, ask(&service, STREAM).await];
    let waiting: Vec<_> = (0..BUDGET.waiting)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { ask(&service, STREAM).await.status() })
        })
        .collect();
    tokio::task::yield_now().await;
    let since = Instant::now();
    let answer = ask(&service, STREAM).await;
    assert_eq!((answer.status().as_u16(), since.elapsed()), (429, Duration::ZERO));
    assert_eq!(answer.headers()["retry-after"], "1");
    for one in waiting {
        assert_eq!(one.await.unwrap(), 503);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_first_is_served_first_and_the_agent_never_sees_more_connections() {
    let agent = Counted::default();
    let service = forwarder(&agent);
    let first = ask(&service, STREAM).await;
    let _second = ask(&service, STREAM).await;
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..BUDGET.waiting {
        let (service, order) = (service.clone(), Arc::clone(&order));
        waiting.spawn(async move {
            let answer = ask(&service, "/v1/jobs").await;
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ok");
            order.lock().unwrap().push(n);
        });
        tokio::task::yield_now().await;
    }
    drop(first);
    while let Some(done) = waiting.join_next().await {
        done.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [0, 1, 2]);
    assert_eq!(agent.most.load(Ordering::SeqCst), BUDGET.connections);
}

#[tokio::test(start_paused = true)]
async fn connections_that_nobody_uses_are_closed() {
    let agent = Counted::default();
    let service = forwarder(&agent);
    let whole = async |path: &str| {
        let answer = ask(&service, path).await;
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ok");
    };
    whole("/v1/client/stats?node_id=client1").await;
    assert_eq!(agent.open.load(Ordering::SeqCst), 1);
    tokio::time::advance(Duration::from_secs(91)).await;
    // Another agent is asked; the client's connection goes all the same.
    whole("/v1/jobs").await;
    tokio::task::yield_now().await;
    assert_eq!(agent.open.load(Ordering::SeqCst), 1);
}
