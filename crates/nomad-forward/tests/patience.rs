//! Agents that answer late or never, under virtual time and over streams in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

use std::{
    future::pending,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use nomad_acl::AclDisabled;
use nomad_forward::{
    Agent, DenialDetail, Endpoint, NomadApi, StaticDirectory, connect::Connect,
    early_response::AwaitUpstreamStatus, forwarder,
};
use nomad_wire::{Namespace, Region};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::{Instant, timeout},
};
use tower_service::Service as _;

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
const SERVER: &str = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";
const ALLOC: &str = "13651909-dd6d-35ce-5da0-5004769668b3";

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// What becomes of a connection.
#[derive(Clone)]
enum Behaviour {
    /// It is never made.
    Dead,
    /// It is made, and nothing comes.
    Silent,
    /// It is made, and the answer comes after this time.
    Slow(Duration),
    /// Health checks are answered at once, everything else after this time.
    Alive(Duration),
    /// As alive until this time, then as silent.
    Dying(Instant),
    /// The first connections are silent, so many of them, the others answer.
    SilentAtFirst(Arc<AtomicUsize>),
}

impl Connect for Behaviour {
    type Io = TokioIo<DuplexStream>;
    type Key = Endpoint;

    fn key(&self, agent: &Agent) -> Endpoint {
        agent.endpoint().clone()
    }

    async fn connect(&self, _: &Agent) -> io::Result<Self::Io> {
        let (ours, theirs) = duplex(64 << 10);
        match self {
            Self::Dead => return pending().await,
            Self::Slow(after) => drop(tokio::spawn(answer(theirs, *after))),
            Self::Alive(after) => drop(tokio::spawn(answer_health(theirs, *after))),
            Self::Dying(at) if Instant::now() < *at => {
                drop(tokio::spawn(answer_health(theirs, WEEK)))
            }
            Self::Silent | Self::Dying(_) => drop(tokio::spawn(hold(theirs))),
            Self::SilentAtFirst(left) => {
                let left =
                    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
                match left {
                    Ok(_) => drop(tokio::spawn(hold(theirs))),
                    Err(_) => drop(tokio::spawn(answer(theirs, Duration::ZERO))),
                }
            }
        }
        Ok(TokioIo::new(ours))
    }
}

async fn hold(_line: DuplexStream) {
    pending().await
}

async fn answer(mut line: DuplexStream, after: Duration) {
    let mut head = [0; 1024];
    assert!(line.read(&mut head).await.unwrap() > 0);
    tokio::time::sleep(after).await;
    line.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate").await.unwrap();
    hold(line).await;
}

async fn answer_health(mut line: DuplexStream, after: Duration) {
    let mut head = [0; 1024];
    while let Ok(length @ 1..) = line.read(&mut head).await {
        if !head[..length].starts_with(b"GET /v1/agent/health HTTP") {
            tokio::time::sleep(after).await;
            line.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate").await.unwrap();
            return hold(line).await;
        }
        let answer = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\n{}";
        line.write_all(answer).await.unwrap();
    }
}

fn directory() -> StaticDirectory {
    let address: SocketAddr = ([127, 0, 0, 1], 4646).into();
    let region = Region::default();
    let directory = StaticDirectory::builder(region.clone())
        .agent(Agent::server("server1", SERVER.parse().unwrap(), region.clone(), address).unwrap())
        .agent(Agent::client("client1", NODE.parse().unwrap(), region, address).unwrap())
        .leader(|| Some("server1.global".into()))
        .build();
    directory.insert_allocation(
        ALLOC.parse().unwrap(),
        NODE.parse().unwrap(),
        Namespace::default(),
    );
    directory
}

/// Status, text, and how long it took.
async fn call(line: Behaviour, method: Method, path: &str) -> (u16, String, Duration) {
    call_in(directory(), line, method, path).await
}

async fn call_in(
    directory: StaticDirectory,
    line: Behaviour,
    method: Method,
    path: &str,
) -> (u16, String, Duration) {
    let mut service = forwarder(line, directory, AclDisabled, DenialDetail::Silent);
    let since = Instant::now();
    let request = Request::builder().method(method).uri(path).extension(AwaitUpstreamStatus);
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let response: Response<_> = service.call(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap(), since.elapsed())
}

async fn ask(line: Behaviour, path: &str) -> (u16, String, Duration) {
    call(line, Method::GET, path).await
}

/// How long a call is waited for at an agent that is silent, and at one that answers health checks alone; nothing if it
/// is more than eleven minutes.
async fn limits(method: &Method, path: &str) -> (Option<Duration>, Option<Duration>) {
    let limit = async |line: Behaviour| {
        let answer = timeout(660 * SECOND, call(line, method.clone(), path)).await.ok()?;
        assert_eq!(answer.0, 504, "{method} {path}: {}", answer.1);
        Some(answer.2)
    };
    (limit(Behaviour::Silent).await, limit(Behaviour::Alive(WEEK)).await)
}

/// A read: an answer within 15 s.
const READ: (Option<Duration>, Option<Duration>) =
    (Some(Duration::from_secs(15)), Some(Duration::from_secs(15)));

/// A change: two health checks fail, 10 s each and 20 s apart; with a healthy agent it goes on.
const CHANGE: (Option<Duration>, Option<Duration>) = (Some(Duration::from_secs(60)), None);

/// A stream without a head before its first byte.
const ENDLESS: (Option<Duration>, Option<Duration>) = (None, None);

const fn within(seconds: u64) -> (Option<Duration>, Option<Duration>) {
    (Some(Duration::from_secs(seconds)), Some(Duration::from_secs(seconds)))
}

#[tokio::test(start_paused = true)]
async fn every_agent_call_has_its_limit() {
    let (get, put, post) = (Method::GET, Method::PUT, Method::POST);
    for (method, path, expected) in [
        (&get, "members", READ),
        (&get, "servers", READ),
        (&put, "servers?address=10.0.0.1:4647", CHANGE),
        (&get, "self", READ),
        (&put, "join?address=10.0.0.1", CHANGE),
        (&put, "force-leave?node=server9", CHANGE),
        (&get, "health?pretty", READ),
        (&get, "host", READ),
        (&get, "monitor", READ),
        (&get, "monitor?plain=true", ENDLESS),
        (&get, "monitor/export?on_disk=true", READ),
        (&get, "monitor/export?service_name=nomad&follow=true&plain=true", ENDLESS),
        (&get, "pprof/profile?seconds=30", within(45)),
        (&get, "pprof/goroutine", within(16)),
        (&get, "schedulers", READ),
        (&get, "schedulers/config", READ),
        (&put, "schedulers/config", CHANGE),
        (&get, "keyring/list", CHANGE),
        (&put, "keyring/install", CHANGE),
        (&put, "keyring/use", CHANGE),
        (&put, "keyring/remove", CHANGE),
        (&post, "keyring/remove", CHANGE),
        (&put, "reload", CHANGE),
    ] {
        let path = format!("/v1/agent/{path}");
        assert_eq!(limits(method, &path).await, expected, "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_client_call_has_its_limit() {
    let (get, put, post) = (Method::GET, Method::PUT, Method::POST);
    for (method, path, expected) in [
        (&get, "stats", READ),
        (&get, "gc", CHANGE),
        (&put, "gc", CHANGE),
        (&get, "metadata", READ),
        (&post, "metadata", CHANGE),
        (&get, "identity", READ),
        (&put, "identity/renew", CHANGE),
    ] {
        let path = format!("/v1/client/{path}?node_id={NODE}");
        assert_eq!(limits(method, &path).await, expected, "{method} {path}");
    }
    for (path, expected) in [
        ("ls/ALLOC?path=/", READ),
        ("stat/ALLOC?path=/", READ),
        ("cat/ALLOC?path=x", READ),
        ("readat/ALLOC?path=x&offset=0&limit=1", READ),
        ("stream/ALLOC?path=x", READ),
        ("stream/ALLOC?path=x&follow=false", READ),
        ("logs/ALLOC?task=t&type=stdout", READ),
        ("logs/ALLOC?task=t&type=stdout&plain=true", READ),
        ("logs/ALLOC?task=t&type=stdout&follow=true", READ),
        ("logs/ALLOC?task=t&type=stdout&follow=true&plain=true", ENDLESS),
    ] {
        let path = format!("/v1/client/fs/{}", path.replace("ALLOC", ALLOC));
        assert_eq!(limits(&get, &path).await, expected, "{path}");
    }
    for (method, call, expected) in [
        (&get, "stats", READ),
        (&get, "checks", READ),
        (&put, "restart", CHANGE),
        (&put, "signal", CHANGE),
        (&get, "gc", CHANGE),
        (&get, "pause", READ),
        (&put, "pause", CHANGE),
        (&get, "exec?command=%5B%22sh%22%5D&task=t", READ),
        (&get, "snapshot", ENDLESS),
    ] {
        let path = format!("/v1/client/allocation/{ALLOC}/{call}");
        assert_eq!(limits(method, &path).await, expected, "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_call_of_a_server_has_its_limit() {
    let get = Method::GET;
    for (path, expected) in [
        ("jobs", READ),
        ("jobs?index=0&wait=10m", READ),
        ("jobs?wait=10m", READ),
        ("jobs?index=x", READ),
        ("jobs?index=7", within(330)),
        ("jobs?index=7&wait=1m", within(330)),
        ("jobs?index=7&wait=10m", within(615)),
        ("metrics", READ),
        ("operator/autopilot/health", READ),
        ("operator/snapshot", CHANGE),
        ("volumes", READ),
        ("volumes/external?plugin_id=x", CHANGE),
        ("volumes/snapshot?plugin_id=x", CHANGE),
        ("event/stream", ENDLESS),
        ("event/stream?index=7", ENDLESS),
        ("event%2Fstream", ENDLESS),
        ("agent/of-a-newer-nomad", READ),
    ] {
        let path = format!("/v1/{path}");
        assert_eq!(limits(&get, &path).await, expected, "{path}");
    }
    for method in [Method::PUT, Method::POST, Method::DELETE, Method::PATCH] {
        for path in ["jobs", "operator/snapshot", "job/web?purge=true", "system/gc", "jobs?index=7"]
        {
            let path = format!("/v1/{path}");
            assert_eq!(limits(&method, &path).await, CHANGE, "{method} {path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_agent_is_given_up_after_its_time() {
    let (status, text, took) =
        ask(Behaviour::Silent, &format!("/v1/client/stats?node_id={NODE}")).await;
    assert_eq!((status, &*text), (504, "agent \"client1\" did not answer within 15s"));
    assert_eq!(took, Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn a_restart_may_take_as_long_as_the_task_takes_to_end() {
    let path = format!("/v1/client/allocation/{ALLOC}/restart");
    for wait in [20 * SECOND, 3600 * SECOND] {
        let (status, text, took) = call(Behaviour::Alive(wait), Method::PUT, &path).await;
        assert_eq!((status, &*text, took), (200, "late", wait));
    }
    // An agent that answers nothing else meanwhile has half a minute.
    let (status, text, took) = call(Behaviour::Slow(20 * SECOND), Method::PUT, &path).await;
    assert_eq!((status, &*text, took), (200, "late", 20 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_change_is_given_up_when_its_agent_answers_no_health_check() {
    let path = format!("/v1/client/allocation/{ALLOC}/restart");
    let (status, text, took) = call(Behaviour::Silent, Method::PUT, &path).await;
    let expected = "agent \"client1\" has not answered for 60s, nor to health checks";
    assert_eq!((status, &*text, took), (504, expected, 60 * SECOND));
    let (status, text, took) = call(Behaviour::Alive(WEEK), Method::PUT, &path).await;
    let expected = "agent \"client1\" did not answer within 86400s";
    assert_eq!((status, &*text, took), (504, expected, DAY));
    // A connection that is kept for checks breaks with its agent, too.
    let dies = Instant::now() + 3600 * SECOND;
    let (status, _, took) = call(Behaviour::Dying(dies), Method::PUT, &path).await;
    assert_eq!(status, 504);
    assert!(took > 3600 * SECOND, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_read_goes_once_to_another_server_when_the_first_is_silent() {
    let region = Region::default();
    let servers = || {
        ["a", "b", "c"].iter().zip(1..).fold(
            StaticDirectory::builder(region.clone()),
            |table, (name, n)| {
                let address: SocketAddr = ([127, 0, 0, n], 4646).into();
                let id = SERVER.replacen('0', &n.to_string(), 1).parse().unwrap();
                table.agent(Agent::server(name, id, region.clone(), address).unwrap())
            },
        )
    };
    let silent = |n| Behaviour::SilentAtFirst(Arc::new(AtomicUsize::new(n)));
    let read = call_in(servers().build(), silent(1), Method::GET, "/v1/jobs").await;
    assert_eq!((read.0, read.2), (200, 15 * SECOND), "{}", read.1);
    let read = call_in(servers().build(), silent(2), Method::GET, "/v1/jobs").await;
    assert_eq!((read.0, read.2), (504, 30 * SECOND), "{}", read.1);
    // A wait that is over is over, and what changes something is never asked twice.
    let path = "/v1/jobs?index=7";
    let read = call_in(servers().build(), silent(1), Method::GET, path).await;
    assert_eq!((read.0, read.2), (504, 330 * SECOND), "{}", read.1);
    let line = silent(2);
    let change = call_in(servers().build(), line.clone(), Method::PUT, "/v1/jobs").await;
    assert_eq!(change.0, 504, "{}", change.1);
}

#[tokio::test(start_paused = true)]
async fn a_blocking_query_has_longer() {
    let wait = Duration::from_secs(300);
    let (status, text, took) = ask(Behaviour::Slow(wait), "/v1/jobs?index=7&wait=300s").await;
    assert_eq!((status, &*text, took), (200, "late", wait));
}

#[tokio::test(start_paused = true)]
async fn a_plain_stream_may_be_silent_for_ever() {
    let path = format!("/v1/agent/monitor?plain=true&node_id={NODE}");
    assert_eq!(ask(Behaviour::Slow(WEEK), &path).await, (200, "late".into(), WEEK));
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_does_not_react_has_no_path() {
    let (status, text, took) =
        ask(Behaviour::Dead, &format!("/v1/client/stats?node_id={NODE}")).await;
    assert_eq!((status, &*text, took), (404, "No path to node", Duration::from_secs(1)));
    let (status, text, _) = ask(Behaviour::Dead, "/v1/agent/self?server_id=server1").await;
    assert_eq!(
        (status, &*text),
        (500, "rpc error: failed to get conn: dial tcp 127.0.0.1:4646: i/o timeout")
    );
}

/// The agent at port 1 is silent; others answer as often as they are asked.
#[derive(Clone)]
struct OneSilent;

impl Connect for OneSilent {
    type Io = TokioIo<DuplexStream>;
    type Key = Endpoint;

    fn key(&self, agent: &Agent) -> Endpoint {
        agent.endpoint().clone()
    }

    async fn connect(&self, agent: &Agent) -> io::Result<Self::Io> {
        let (ours, mut theirs) = duplex(64 << 10);
        let is_silent = agent.endpoint() == &Endpoint::from(SocketAddr::from(([127, 0, 0, 1], 1)));
        tokio::spawn(async move {
            let mut head = [0; 1024];
            while let Ok(1..) = theirs.read(&mut head).await {
                if !is_silent {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    theirs.write_all(answer).await.unwrap();
                }
            }
        });
        Ok(TokioIo::new(ours))
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_the_last_choice_for_a_while() {
    let seed =
        |port| Arc::new(Agent::seed(Region::default(), SocketAddr::from(([127, 0, 0, 1], port))));
    let mut api = NomadApi::new(OneSilent, vec![seed(1), seed(2), seed(3)]);
    let mut slow = 0;
    for _ in 0..12 {
        let since = Instant::now();
        let request = Request::get("/v1/status/leader").body(Bytes::new()).unwrap();
        assert_eq!(api.call(request).await.unwrap().body(), "ok");
        slow += usize::from(since.elapsed() == 15 * SECOND);
        tokio::time::advance(SECOND).await;
    }
    assert_eq!(slow, 1);
}
