//! Agents that never answer, under virtual time and over streams in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

use std::{future::pending, io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use nomad_acl::AclDisabled;
use nomad_forward::{Agent, Denials, Endpoint, Table, connect::Connect, forwarder};
use nomad_wire::Region;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::Instant,
};
use tower_service::Service as _;

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
const SERVER: &str = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";

/// What becomes of a connection.
#[derive(Clone, Copy)]
enum Line {
    /// It is never made.
    Dead,
    /// It is made, and nothing comes.
    Silent,
    /// It is made, and the answer comes after this time.
    Slow(Duration),
}

impl Connect for Line {
    type Io = TokioIo<DuplexStream>;
    type Key = Endpoint;

    fn key(&self, agent: &Agent) -> Endpoint {
        agent.endpoint().clone()
    }

    async fn connect(&self, _: &Agent) -> io::Result<Self::Io> {
        let (ours, theirs) = duplex(64 << 10);
        match *self {
            Self::Dead => return pending().await,
            Self::Silent => drop(tokio::spawn(hold(theirs))),
            Self::Slow(after) => drop(tokio::spawn(answer(theirs, after))),
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

/// Status, text, and how long it took.
async fn ask(line: Line, path: &str) -> (u16, String, Duration) {
    let address: SocketAddr = ([127, 0, 0, 1], 4646).into();
    let region = Region::default();
    let directory = Table::builder(region.clone())
        .agent(Agent::server("server1", SERVER.parse().unwrap(), region.clone(), address).unwrap())
        .agent(Agent::client("client1", NODE.parse().unwrap(), region, address).unwrap())
        .build();
    let mut service = forwarder(line, directory, AclDisabled, Denials::Silent);
    let since = Instant::now();
    let request = Request::get(path).body(Empty::<Bytes>::new()).unwrap();
    let response: Response<_> = service.call(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap(), since.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_silent_agent_is_given_up_after_its_time() {
    let (status, text, took) = ask(Line::Silent, &format!("/v1/client/stats?node_id={NODE}")).await;
    assert_eq!((status, &*text), (504, "agent \"client1\" did not answer within 15s"));
    assert_eq!(took, Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn a_blocking_query_has_longer() {
    let wait = Duration::from_secs(300);
    let (status, text, took) = ask(Line::Slow(wait), "/v1/jobs?index=7&wait=300s").await;
    assert_eq!((status, &*text, took), (200, "late", wait));
}

#[tokio::test(start_paused = true)]
async fn a_plain_stream_may_be_silent_for_ever() {
    let week = Duration::from_secs(7 * 24 * 3600);
    let path = format!("/v1/agent/monitor?plain=true&node_id={NODE}");
    assert_eq!(ask(Line::Slow(week), &path).await, (200, "late".into(), week));
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_does_not_react_has_no_path() {
    let (status, text, took) = ask(Line::Dead, &format!("/v1/client/stats?node_id={NODE}")).await;
    assert_eq!((status, &*text, took), (404, "No path to node", Duration::from_secs(1)));
    let (status, text, _) = ask(Line::Dead, "/v1/agent/self?server_id=server1").await;
    assert_eq!(
        (status, &*text),
        (500, "rpc error: failed to get conn: dial tcp 127.0.0.1:4646: i/o timeout")
    );
}
