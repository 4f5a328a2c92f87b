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
    Agent, AgentHealth, ConnectionLimits, DenialDetail, Directory, Endpoint, LookupContext,
    StackLimits, StaticDirectory, Target, TcpConnect, connect::Connect, directory::Reachability,
    early_response::AwaitUpstreamStatus, forwarder_with_limits,
};
use nomad_wire::{Namespace, Region};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, duplex},
    net::TcpListener,
    task::JoinSet,
    time::Instant,
};
use tower_service::Service as _;

const SERVER: &str = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";

/// Two of them for streams and blocking queries.
const LIMITS: ConnectionLimits =
    ConnectionLimits { connections: 10, queued: 3, queue_timeout: Duration::from_secs(5) };

/// An agent whose streams never end, and whose other answers come at once; its connections are counted.
#[derive(Clone, Default)]
struct Counted {
    open: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Connect for Counted {
    type Io = CountedConnection;
    type Key = Endpoint;

    fn key(&self, agent: &Agent) -> Endpoint {
        agent.endpoint().clone()
    }

    async fn connect(&self, _: &Agent) -> io::Result<Self::Io> {
        let (ours, theirs) = duplex(64 << 10);
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(open, Ordering::SeqCst);
        tokio::spawn(serve(theirs));
        Ok(CountedConnection { io: TokioIo::new(ours), open: Arc::clone(&self.open) })
    }
}

/// A connection that is counted until it is closed.
struct CountedConnection {
    io: TokioIo<DuplexStream>,
    open: Arc<AtomicUsize>,
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl rt::Read for CountedConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl rt::Write for CountedConnection {
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

async fn serve(mut line: impl AsyncRead + AsyncWrite + Unpin) {
    let mut head = [0; 1024];
    while let Ok(length @ 1..) = line.read(&mut head).await {
        let asked = String::from_utf8_lossy(&head[..length]).into_owned();
        if asked.contains("silent") {
            std::future::pending::<()>().await;
        }
        let is_stream = asked.contains("follow=true");
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

/// A table whose servers pass calls on.
#[derive(Clone)]
struct RelayDirectory {
    table: StaticDirectory,
    servers: Vec<Arc<Agent>>,
}

impl Directory for RelayDirectory {
    type Future = <StaticDirectory as Directory>::Future;

    fn locate(
        &self,
        target: &Target,
        region: Option<&Region>,
        caller: LookupContext<'_>,
    ) -> Self::Future {
        self.table.locate(target, region, caller)
    }

    fn relays(&self, _: &Agent) -> Vec<Arc<Agent>> {
        self.servers.clone()
    }

    fn observe(&self, agent: &Arc<Agent>, reachable: Reachability) {
        self.table.observe(agent, reachable);
    }

    fn agent_health(&self) -> Vec<AgentHealth> {
        self.table.agent_health()
    }
}

fn id(n: u8) -> String {
    SERVER.replacen('0', &n.to_string(), 1)
}

/// A client with an allocation, and so many servers.
fn fleet(servers: u8, endpoint: impl Fn(u8) -> SocketAddr) -> RelayDirectory {
    let region = Region::default();
    let server = |n: u8| {
        let id = id(n).parse().unwrap();
        Agent::server(&format!("server{n}"), id, region.clone(), endpoint(n)).unwrap()
    };
    let client =
        Agent::client("client1", NODE.parse().unwrap(), region.clone(), endpoint(0)).unwrap();
    let servers: Vec<_> = (1..=servers).map(server).collect();
    let table = StaticDirectory::builder(region.clone()).agent(client);
    let table = servers.iter().cloned().fold(table, |table, server| table.agent(server)).build();
    table.insert_allocation(ALLOC.parse().unwrap(), NODE.parse().unwrap(), Namespace::default());
    RelayDirectory { table, servers: servers.into_iter().map(Arc::new).collect() }
}

type Forwarder<C> = nomad_forward::Forwarder<C, RelayDirectory, AclDisabled, Empty<Bytes>>;
type Answer<C> = Response<<Forwarder<C> as Body>::Body>;

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

fn forwarder(agent: &Counted) -> Forwarder<Counted> {
    forwarder_for(agent.clone(), 1, LIMITS)
}

/// In front of a client and so many servers.
fn forwarder_for<C: Connect>(connect: C, servers: u8, budget: ConnectionLimits) -> Forwarder<C> {
    let fleet = fleet(servers, |n| ([127, 0, 0, 1 + n], 4646).into());
    let bounds = StackLimits { connection_limits: budget, ..StackLimits::default() };
    forwarder_with_limits(connect, fleet, AclDisabled, DenialDetail::Silent, bounds)
}

async fn ask<C: Connect>(service: &Forwarder<C>, path: &str) -> Answer<C> {
    // The agent's own head, however long it takes.
    let request =
        Request::get(path).extension(AwaitUpstreamStatus).body(Empty::<Bytes>::new()).unwrap();
    service.clone().call(request).await.unwrap()
}

const STREAM: &str = "/v1/agent/monitor?server_id=server1&follow=true";
const SHORT: &str = "/v1/agent/self?server_id=server1";
const SILENT: &str = "/v1/agent/self?server_id=server1&silent";

/// So many short calls that the agent does not answer: each holds its place.
async fn occupy(agent: &Counted, service: &Forwarder<Counted>, count: usize) -> JoinSet<()> {
    let mut held = JoinSet::new();
    for _ in 0..count {
        let service = service.clone();
        held.spawn(async move { drop(ask(&service, SILENT).await) });
    }
    while agent.open.load(Ordering::SeqCst) < count {
        tokio::task::yield_now().await;
    }
    held
}

/// So many answers of a call that nobody reads: each holds its place.
async fn hold<C: Connect>(service: &Forwarder<C>, path: &str, count: usize) -> Vec<Answer<C>> {
    let mut held = Vec::new();
    for n in 0..count {
        let answer = ask(service, path).await;
        assert_eq!(answer.status(), 200, "{path}, {n} of them");
        held.push(answer);
    }
    held
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_too_long_is_told_to_retry() {
    let agent = Counted::default();
    let service = forwarder(&agent);
    let mut held = occupy(&agent, &service, LIMITS.connections).await;
    let since = Instant::now();
    let answer = ask(&service, SHORT).await;
    assert_eq!((answer.status().as_u16(), since.elapsed()), (503, LIMITS.queue_timeout));
    assert_eq!(answer.headers()["retry-after"], "1");
    held.shutdown().await;
    assert_eq!(ask(&service, SHORT).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once() {
    let agent = Counted::default();
    let service = forwarder(&agent);
    let _held = occupy(&agent, &service, LIMITS.connections).await;
    let waiting: Vec<_> = (0..LIMITS.queued)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { ask(&service, SHORT).await.status() })
        })
        .collect();
    tokio::task::yield_now().await;
    let since = Instant::now();
    let answer = ask(&service, SHORT).await;
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
    let mut held = hold(&service, SHORT, LIMITS.connections).await;
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut waiting = JoinSet::new();
    for n in 0..LIMITS.queued {
        let (service, order) = (service.clone(), Arc::clone(&order));
        waiting.spawn(async move {
            let answer = ask(&service, "/v1/jobs").await;
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ok");
            order.lock().unwrap().push(n);
        });
        tokio::task::yield_now().await;
    }
    drop(held.pop());
    while let Some(done) = waiting.join_next().await {
        done.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [0, 1, 2]);
    assert_eq!(agent.most.load(Ordering::SeqCst), LIMITS.connections);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_gets_no_permit_is_refused_at_once() {
    let service = forwarder(&Counted::default());
    let streams = hold(&service, STREAM, LIMITS.long_lived()).await;
    let since = Instant::now();
    let answer = ask(&service, STREAM).await;
    assert_eq!((answer.status().as_u16(), since.elapsed()), (503, Duration::ZERO));
    assert_eq!(answer.headers()["retry-after"], "1");
    // Nor does a call that ends by itself wait where only streams could make room.
    let answer = ask(&service, "/v1/jobs?index=7").await;
    assert_eq!((answer.status().as_u16(), since.elapsed()), (503, Duration::ZERO));
    let _short = hold(&service, SHORT, LIMITS.connections - LIMITS.long_lived()).await;
    drop(streams);
    assert_eq!(ask(&service, STREAM).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn blocking_queries_leave_permits_and_wait_for_each_other() {
    let service = forwarder(&Counted::default());
    let mut held = hold(&service, "/v1/jobs?index=7", LIMITS.long_lived()).await;
    let since = Instant::now();
    assert_eq!(ask(&service, "/v1/jobs").await.status(), 200);
    assert_eq!(since.elapsed(), Duration::ZERO);
    let next = tokio::spawn({
        let service = service.clone();
        async move { ask(&service, "/v1/jobs?index=8").await.status() }
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(held.pop());
    assert_eq!(next.await.unwrap(), 200);
    assert_eq!(since.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_permit_at_one_server_is_served_by_another_at_once() {
    let service = forwarder_for(Counted::default(), 2, LIMITS);
    let _held = hold(&service, SHORT, LIMITS.connections).await;
    let since = Instant::now();
    let answer = ask(&service, "/v1/jobs").await;
    assert_eq!((answer.status().as_u16(), since.elapsed()), (200, Duration::ZERO));
    assert_eq!(answer.headers()["x-nomad-gateway-agent"], "server2.global");
}

/// Calls to the client that end by themselves.
fn short_calls() -> Vec<String> {
    vec![
        format!("/v1/client/stats?node_id={NODE}"),
        format!("/v1/client/fs/ls/{ALLOC}?path=/"),
        format!("/v1/client/fs/cat/{ALLOC}?path=x"),
        format!("/v1/client/allocation/{ALLOC}/stats"),
        format!("/v1/agent/health?node_id={NODE}"),
        format!("/v1/agent/self?node_id={NODE}"),
    ]
}

fn log(n: usize) -> String {
    format!("/v1/client/fs/logs/{ALLOC}?task=t{n}&type=stdout&follow=true")
}

/// Follows so many logs of one client, and makes every short call to it meanwhile. Says how many came through a server.
async fn followed<C: Connect>(service: &Forwarder<C>, count: usize) -> usize {
    let mut streams = Vec::new();
    for n in 0..count {
        let answer = ask(service, &log(n)).await;
        assert_eq!(answer.status(), 200, "stream {n}");
        streams.push(answer);
        if n % 40 == 0 || n + 1 == count {
            for path in short_calls() {
                let answer = ask(service, &path).await;
                assert_eq!(answer.status(), 200, "{path} beside {} streams", n + 1);
                assert_eq!(answer.headers()["x-nomad-gateway-path"], "direct", "{path}");
                assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ok");
            }
        }
    }
    let is_relayed = |answer: &&Answer<C>| answer.headers()["x-nomad-gateway-path"] == "relay";
    streams.iter().filter(is_relayed).count()
}

#[tokio::test(start_paused = true)]
async fn followed_logs_shut_no_short_call_out() {
    let budget = ConnectionLimits::default();
    for count in [88, 200] {
        let agent = Counted::default();
        let service = forwarder_for(agent.clone(), 3, budget);
        let since = Instant::now();
        let relayed = followed(&service, count).await;
        assert_eq!(since.elapsed(), Duration::ZERO, "somebody waited");
        assert_eq!(relayed, count - budget.long_lived());
    }
}

/// A listener that answers as [`serve`] does, and refuses the connections beyond a hundred as Nomad does.
async fn listen(address: &str) -> SocketAddr {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let open = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((line, _)) = listener.accept().await {
            let open = Arc::clone(&open);
            if open.fetch_add(1, Ordering::SeqCst) >= 100 {
                open.fetch_sub(1, Ordering::SeqCst);
                continue;
            }
            tokio::spawn(async move {
                serve(line).await;
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    address
}

#[tokio::test]
async fn followed_logs_shut_no_short_call_out_over_sockets() {
    let mut addresses = Vec::new();
    for _ in 0..4 {
        addresses.push(listen("127.0.0.1").await);
    }
    let fleet = fleet(3, |n| addresses[usize::from(n)]);
    let bounds = StackLimits::default();
    let service =
        forwarder_with_limits(TcpConnect, fleet, AclDisabled, DenialDetail::Silent, bounds);
    assert_eq!(followed(&service, 200).await, 130);
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
