//! Responses that their clients do not take hold no short call's place.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, StreamBody, combinators::UnsyncBoxBody};
use hyper_util::rt::TokioIo;
use nomad_acl::AclDisabled;
use nomad_forward::{
    Agent, ConnectionLimits, DenialDetail, Endpoint, StackLimits, StaticDirectory,
    connect::Connect, early_response::AwaitUpstreamStatus, forwarder_with_limits,
};
use nomad_wire::Region;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::{Instant, sleep},
};
use tower_service::Service as _;

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";

/// After so long what is not taken makes room.
const LIMIT: Duration = Duration::from_secs(2);

/// 70 of 88 for streams, 10 for uploads.
const LIMITS: ConnectionLimits =
    ConnectionLimits { connections: 88, queued: 512, queue_timeout: Duration::from_secs(5) };

/// What the agent sends of a large response.
const LARGE: usize = 1 << 20;

/// An agent whose connections are counted.
#[derive(Clone, Default)]
struct Scripted {
    open: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Connect for Scripted {
    type Io = TokioIo<DuplexStream>;
    type Key = Endpoint;

    fn key(&self, agent: &Agent) -> Endpoint {
        agent.endpoint().clone()
    }

    async fn connect(&self, _: &Agent) -> io::Result<Self::Io> {
        // The agent sees first that another one was closed.
        tokio::task::yield_now().await;
        let (ours, theirs) = duplex(16 << 10);
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(open, Ordering::SeqCst);
        let agent = self.clone();
        tokio::spawn(async move {
            drop(serve(theirs).await);
            agent.open.fetch_sub(1, Ordering::SeqCst);
        });
        Ok(TokioIo::new(ours))
    }
}

/// Reads requests, with their bodies, and answers as their query says.
async fn serve(mut line: DuplexStream) -> io::Result<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(line.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        if head.contains("transfer-encoding") {
            let mut body = Vec::new();
            while !body.ends_with(b"\r\n0\r\n\r\n") {
                body.push(line.read_u8().await?);
            }
        }
        if head.contains("monitor") {
            line.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            loop {
                line.write_all(b"3\r\n{}\n\r\n").await?;
                sleep(Duration::from_secs(1)).await;
            }
        }
        let (length, pause) =
            match head.split("size=").nth(1).and_then(|rest| rest.split(['&', ' ']).next()) {
                Some("large") => (LARGE, Duration::ZERO),
                Some("slow") => (8, Duration::from_secs(3)),
                _ => (2, Duration::ZERO),
            };
        line.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").as_bytes())
            .await?;
        let piece = if pause.is_zero() { length } else { 1 };
        for _ in 0..length / piece {
            sleep(pause).await;
            line.write_all(&vec![b'x'; piece]).await?;
        }
    }
}

type Upload = UnsyncBoxBody<Bytes, io::Error>;
type Forwarder = nomad_forward::Forwarder<Scripted, StaticDirectory, AclDisabled, Upload>;
type TestResponse = Response<<Forwarder as Answers>::Body>;

/// The body of a forwarder's responses.
trait Answers {
    type Body;
}

impl<S, R> Answers for S
where
    S: tower_service::Service<Request<Upload>, Response = Response<R>>,
{
    type Body = R;
}

fn forwarder(agent: &Scripted) -> Forwarder {
    let address = SocketAddr::from(([127, 0, 0, 1], 4646));
    let client = Agent::client("client1", NODE.parse().unwrap(), Region::default(), address);
    let table = StaticDirectory::builder(Region::default()).agent(client.unwrap()).build();
    let bounds = StackLimits { connection_limits: LIMITS, ..StackLimits::default() };
    forwarder_with_limits(agent.clone(), table, AclDisabled, DenialDetail::Silent, bounds)
}

fn path(call: &str) -> String {
    format!("/v1/{call}&node_id={NODE}")
}

async fn ask(service: &Forwarder, call: &str) -> TestResponse {
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    // The agent's own head, however long it takes.
    let request = Request::get(path(call)).extension(AwaitUpstreamStatus).body(body).unwrap();
    service.clone().call(request).await.unwrap()
}

/// More than is read before a place is asked for.
async fn upload(service: &Forwarder) -> TestResponse {
    let pieces = stream::iter(0..3).then(async |_| {
        tokio::task::yield_now().await;
        Ok(Frame::data(Bytes::from(vec![b'y'; 50 << 10])))
    });
    let body = StreamBody::new(Box::pin(pieces)).boxed_unsync();
    let request = Request::post(path("client/metadata?size=large")).body(body).unwrap();
    service.clone().call(request).await.unwrap()
}

/// Calls that are answered, and of which nobody reads more.
async fn hold(service: &Forwarder, call: &str, count: usize) -> Vec<TestResponse> {
    let mut held = Vec::new();
    for n in 0..count {
        let answer = ask(service, call).await;
        assert_eq!(answer.status(), 200, "{call}, {n} of them");
        held.push(answer);
    }
    held
}

/// How many of them can be read to their end, and what is said of the others.
async fn read(held: Vec<TestResponse>) -> (usize, Vec<String>) {
    let mut broken = Vec::new();
    let mut whole = 0;
    for answer in held {
        match answer.into_body().collect().await {
            Ok(body) => {
                assert_eq!(body.to_bytes().len(), LARGE);
                whole += 1;
            }
            Err(error) => broken.push(error.to_string()),
        }
    }
    (whole, broken)
}

/// A short call, and how long it waited.
async fn served_after(service: &Forwarder) -> Duration {
    let since = Instant::now();
    let answer = ask(service, MAX_BUFFERED).await;
    assert_eq!(answer.status(), 200, "after {:?}", since.elapsed());
    let waited = since.elapsed();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "xx");
    waited
}

const UNTAKEN: &str = "client/stats?size=large";
const MAX_BUFFERED: &str = "client/stats?size=small";
const SLOW: &str = "client/stats?size=slow";
const STREAM: &str = "agent/monitor?log_level=info";

#[tokio::test(start_paused = true)]
async fn short_calls_find_a_place_beside_responses_that_nobody_takes() {
    let agent = Scripted::default();
    let service = forwarder(&agent);
    let mut held = hold(&service, UNTAKEN, LIMITS.connections).await;
    assert_eq!(served_after(&service).await, LIMIT);
    for _ in 0..100 {
        assert_eq!(served_after(&service).await, Duration::ZERO);
    }
    // Those who come after them find what the streams' share has not taken.
    held.extend(hold(&service, UNTAKEN, LIMITS.connections - LIMITS.long_lived()).await);
    assert_eq!(served_after(&service).await, LIMIT);
    assert!(agent.most.load(Ordering::SeqCst) <= LIMITS.connections);
    let all = held.len();
    let (whole, broken) = read(held).await;
    assert_eq!((whole, broken.len()), (LIMITS.connections - 1, all - LIMITS.connections + 1));
    assert!(broken.iter().all(|text| text.contains("took nothing of the response for 2s")));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_when_a_client_stops_reading_is_served_in_turn() {
    let service = forwarder(&Scripted::default());
    let held = hold(&service, UNTAKEN, LIMITS.connections).await;
    sleep(LIMIT / 2).await;
    let waiting: Vec<_> = (0..10)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { served_after(&service).await })
        })
        .collect();
    for one in waiting {
        assert!(one.await.unwrap() < LIMIT);
    }
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn who_reads_slowly_is_not_ended() {
    let service = forwarder(&Scripted::default());
    let mut held = hold(&service, UNTAKEN, LIMITS.connections - 1).await;
    let mut slow = ask(&service, UNTAKEN).await.into_body();
    let mut length = 0;
    while let Some(frame) = slow.frame().await {
        length += frame.unwrap().into_data().unwrap().len();
        sleep(LIMIT - Duration::from_millis(100)).await;
        // There is no room for what is not taken meanwhile.
        held.extend(hold(&service, UNTAKEN, 1).await);
    }
    assert_eq!(length, LARGE);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_agent_is_not_ended() {
    let service = forwarder(&Scripted::default());
    let slow = ask(&service, SLOW).await;
    let read = tokio::spawn(async move { slow.into_body().collect().await.unwrap().to_bytes() });
    let mut held = hold(&service, UNTAKEN, LIMITS.connections - 1).await;
    while !read.is_finished() {
        held.extend(hold(&service, UNTAKEN, 1).await);
    }
    assert_eq!(read.await.unwrap().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_paused_goes_on_later() {
    let service = forwarder(&Scripted::default());
    let streams = hold(&service, STREAM, LIMITS.long_lived()).await;
    let held = hold(&service, UNTAKEN, LIMITS.connections - LIMITS.long_lived()).await;
    sleep(Duration::from_secs(3600)).await;
    let all = held.len();
    let more = hold(&service, UNTAKEN, all).await;
    // The streams' share has no room for any of them.
    assert_eq!(read(held).await.1.len(), all);
    assert_eq!(read(more).await.0, all);
    for stream in streams {
        assert_eq!(stream.into_body().frame().await.unwrap().unwrap().into_data().unwrap(), "{}\n");
    }
}

#[tokio::test(start_paused = true)]
async fn responses_to_uploads_that_nobody_takes_leave_places_to_uploads() {
    let service = forwarder(&Scripted::default());
    let mut held = Vec::new();
    let since = Instant::now();
    for n in 0..=LIMITS.uploads() {
        let answer = upload(&service).await;
        assert_eq!(answer.status(), 200, "{n} of them, after {:?}", since.elapsed());
        held.push(answer);
    }
    assert_eq!(since.elapsed(), LIMIT);
    let all = held.len();
    assert_eq!(read(held).await.0, all, "the streams' share has room for them");
}
