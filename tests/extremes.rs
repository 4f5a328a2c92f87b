//! Extreme values in every query parameter of every route, through a whole gateway: the response is that of the
//! agent itself, it comes at once, and the connection serves the next call.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::{Request, StatusCode, header::HOST};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use crate::support::TestCluster;

#[path = "../crates/nomad-wire/tests/extremes/values.rs"]
mod values;

/// No value makes a response slow.
const LIMIT: Duration = Duration::from_secs(10);

/// Number of streams opened at once.
const AT_ONCE: usize = 8;

/// A route, its required parameters besides the one under test, and all its parameters.
type Route = (&'static str, &'static str, &'static [&'static str]);

/// Routes of the first client, which also gets each request directly. `NODE` is its id.
const CLIENT: [Route; 7] = [
    ("/v1/agent/self", "node_id=NODE", &["pretty", "stale", "wait", "index"]),
    ("/v1/agent/members", "node_id=NODE", &["pretty", "per_page", "stale", "wait", "index"]),
    ("/v1/agent/health", "node_id=NODE", &["type", "stale", "wait", "index"]),
    ("/v1/agent/host", "node_id=NODE", &["pretty", "stale", "wait", "index"]),
    ("/v1/client/stats", "node_id=NODE", &["pretty", "stale", "wait", "index"]),
    ("/v1/agent/pprof/cmdline", "node_id=NODE", &["seconds", "debug", "gc", "wait"]),
    ("/v1/agent/pprof/heap", "node_id=NODE", &["seconds", "gc", "profile"]),
];

/// Routes of its allocation `ALLOC`.
const ALLOC: [Route; 11] = [
    ("/v1/client/allocation/ALLOC/stats", "", &["task", "pretty", "stale", "wait", "index"]),
    ("/v1/client/allocation/ALLOC/checks", "", &["pretty", "stale", "wait", "index"]),
    ("/v1/client/fs/ls/ALLOC", "", &["path", "pretty", "stale", "index"]),
    ("/v1/client/fs/stat/ALLOC", "", &["path", "pretty", "wait", "index"]),
    ("/v1/client/fs/cat/ALLOC", "", &["path", "stale", "wait", "index"]),
    ("/v1/client/fs/readat/ALLOC", "path=alloc", &["offset", "limit", "wait"]),
    ("/v1/client/fs/readat/ALLOC", "offset=1&limit=1", &["path", "stale", "index"]),
    ("/v1/client/fs/stream/ALLOC", "follow=false&path=none", &["offset", "origin", "limit"]),
    (
        "/v1/client/fs/logs/ALLOC",
        "follow=false&task=nobody&type=stdout",
        &["offset", "origin", "plain", "limit", "wait", "index"],
    ),
    ("/v1/client/fs/logs/ALLOC", "task=nobody&type=stdout", &["follow"]),
    ("/v1/client/fs/logs/ALLOC", "follow=false", &["task", "type"]),
];

/// Routes of the servers, which the gateway passes to one of them.
const PASSED: [Route; 1] = [("/v1/jobs", "", &["prefix", "stale", "wait", "index", "per_page"])];

/// Routes whose tested value itself names the agent.
const NAMED: [Route; 5] = [
    ("/v1/agent/self", "", &["node_id", "server_id"]),
    ("/v1/agent/host", "", &["node_id", "server_id"]),
    ("/v1/agent/pprof/cmdline", "", &["node_id", "server_id"]),
    ("/v1/client/stats", "", &["node_id"]),
    ("/v1/client/metadata", "", &["node_id"]),
];

/// Routes of endless streams: refusals, and the head of the others.
const STREAMS: [Route; 1] =
    [("/v1/agent/monitor", "node_id=NODE", &["log_level", "log_json", "plain"])];

/// One in this many values is also sent twice.
const TWICE: usize = 4;

/// A keep-alive connection.
struct Client {
    token: String,
    sender: SendRequest<Empty<Bytes>>,
    _driver: JoinSet<()>,
}

impl Client {
    async fn new(address: SocketAddr, token: String) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(async move { drop(connection.await) });
        Self { token, sender, _driver: driver }
    }

    /// The status, and the text of a refusal. Calls share one connection.
    async fn ask(&mut self, target: &str) -> (StatusCode, Bytes) {
        let request = self.request(target);
        let asking = async {
            self.sender.ready().await.unwrap();
            let answer = self.sender.send_request(request).await.unwrap();
            let status = answer.status();
            (status, answer.into_body().collect().await.unwrap().to_bytes())
        };
        let answered = timeout(LIMIT, asking).await;
        answered.unwrap_or_else(|_| panic!("no answer to {target:.200}"))
    }

    /// The status only, for responses that may never end.
    async fn head(address: SocketAddr, target: &str) -> StatusCode {
        let mut client = Self::new(address, String::new()).await;
        let request = client.request(target);
        let answered = timeout(LIMIT, client.sender.send_request(request)).await;
        answered.unwrap_or_else(|_| panic!("no answer to {target:.200}")).unwrap().status()
    }

    fn request(&self, target: &str) -> Request<Empty<Bytes>> {
        let request = Request::get(target).header(HOST, "a").header("x-nomad-token", &self.token);
        request.body(Empty::new()).unwrap()
    }
}

/// Every parameter with every value, and some of them twice.
fn targets(world: &TestCluster, routes: &[Route]) -> Vec<String> {
    let (node, alloc) = (world.node("client1"), world.allocation());
    let mut targets = Vec::new();
    for (path, rest, keys) in routes {
        let (path, rest) = (path.replace("ALLOC", &alloc), rest.replace("NODE", &node));
        for key in *keys {
            for (number, value) in values::values().enumerate() {
                targets.push(format!("{path}?{rest}&{key}={value}"));
                if number % TWICE == 0 {
                    targets.push(format!("{path}?{key}={value}&{rest}&{key}=1"));
                }
            }
        }
    }
    targets
}

async fn answers_as_the_agent_itself(world: &TestCluster, agent: &str, routes: &[Route]) {
    let token = || world.tokens.as_ref().unwrap().management.expose().to_owned();
    let agent = world.agent(agent).1;
    let mut through = Client::new(world.gateway, token()).await;
    let mut itself = Client::new(agent, token()).await;
    let mut wrong = Vec::new();
    for target in targets(world, routes) {
        let (answer, expected) = (through.ask(&target).await, itself.ask(&target).await);
        let is_same = answer.0 == expected.0 && (answer.0.is_success() || answer.1 == expected.1);
        if !is_same {
            wrong.push(format!("{target:.200}: {answer:?}, the agent itself: {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extreme_value_gets_the_answer_that_the_agent_gives_itself() {
    let world = TestCluster::with_acls().await;
    tokio::join!(
        answers_as_the_agent_itself(&world, "client1", &CLIENT),
        answers_as_the_agent_itself(&world, "client1", &ALLOC),
        answers_as_the_agent_itself(&world, "server1", &PASSED),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extreme_value_that_names_an_agent_is_refused_in_nomads_words() {
    let world = TestCluster::with_acls().await;
    let token = world.tokens.as_ref().unwrap().management.expose().to_owned();
    let mut through = Client::new(world.gateway, token).await;
    let mut wrong = Vec::new();
    for target in targets(&world, &NAMED) {
        let (status, text) = through.ask(&target).await;
        let text = String::from_utf8_lossy(&text);
        let words = ["node lookup failed: ", "unknown Nomad server ", "Unknown node "];
        let is_refused = match status {
            StatusCode::OK | StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => true,
            StatusCode::INTERNAL_SERVER_ERROR => words.iter().any(|word| text.starts_with(word)),
            _ => false,
        };
        if !is_refused {
            wrong.push(format!("{target:.200}: {status}, {text:.200}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extreme_value_of_a_stream_is_read_or_refused_as_by_the_agent_itself() {
    let world = TestCluster::start().await;
    let agent = world.agent("client1").1;
    // A stream of the agent's own starts with its first line, so only refusals are compared.
    let calls = targets(&world, &STREAMS).into_iter().map(async |target| {
        let answer = Client::head(world.gateway, &target).await;
        if answer != StatusCode::OK {
            assert_eq!(answer, StatusCode::BAD_REQUEST, "{target:.200}");
            assert_eq!(answer, Client::head(agent, &target).await, "{target:.200}");
        }
    });
    stream::iter(calls).buffer_unordered(AT_ONCE).collect::<()>().await;
}
