//! Streams that are silent yet, under virtual time and over streams in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

use std::{future::pending, io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use nomad_acl::{AclDeferred, AclDisabled, Tokens};
use nomad_forward::{Agent, DenialDetail, Endpoint, StaticDirectory, connect::Connect, forwarder};
use nomad_wire::Region;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::{Instant, sleep},
};
use tower_service::Service as _;

const NODE: &str = "9bb118cc-7630-ebf4-b8b8-c11ee8847863";
const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/x-own\r\ntransfer-encoding: chunked\r\n\r\n";

/// What an agent says, and how long after it was asked; then it closes. Nothing: there is no way to it.
#[derive(Clone, Copy)]
struct Line(Option<(Duration, &'static str)>);

impl Connect for Line {
    type Io = TokioIo<DuplexStream>;
    type Key = Endpoint;

    fn key(&self, agent: &Agent) -> Endpoint {
        agent.endpoint().clone()
    }

    async fn connect(&self, _: &Agent) -> io::Result<Self::Io> {
        let Some((after, text)) = self.0 else { return pending().await };
        let (ours, theirs) = duplex(64 << 10);
        drop(tokio::spawn(answer(theirs, after, text)));
        Ok(TokioIo::new(ours))
    }
}

async fn answer(mut line: DuplexStream, after: Duration, text: &'static str) {
    let mut head = [0; 1024];
    let length = line.read(&mut head).await.unwrap();
    let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
    assert!(!head.contains("accept-encoding") || head.contains("deferred"), "{head}");
    sleep(after).await;
    line.write_all(text.as_bytes()).await.unwrap();
}

/// When the head came, status, head, and what became of the body.
async fn ask<T: Tokens>(
    line: Line,
    path: &str,
    tokens: T,
) -> (Duration, u16, HeaderMap, Result<String, String>) {
    let address: SocketAddr = ([127, 0, 0, 1], 4646).into();
    let region = Region::default();
    let client = Agent::client("client1", NODE.parse().unwrap(), region.clone(), address).unwrap();
    let directory = StaticDirectory::builder(region).agent(client).build();
    let mut service = forwarder(line, directory, tokens, DenialDetail::Silent);
    let since = Instant::now();
    let request = Request::get(path).header("accept-encoding", "gzip");
    let Ok(response) = service.call(request.body(Empty::<Bytes>::new()).unwrap()).await;
    let (took, status) = (since.elapsed(), response.status().as_u16());
    let headers = response.headers().clone();
    let body = response.into_body().collect().await.map_err(|error| error.to_string());
    let text = body.map(|body| String::from_utf8(body.to_bytes().to_vec()).unwrap());
    (took, status, headers, text)
}

fn path(rest: &str) -> String {
    format!("/v1/agent/monitor?node_id={NODE}{rest}")
}

const MINUTE: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(500);

#[tokio::test(start_paused = true)]
async fn a_silent_stream_has_its_head_soon_and_its_bytes_when_they_come() {
    let stream: &'static str = Box::leak(format!("{STREAM}5\r\nhello\r\n0\r\n\r\n").into());
    for (rest, content_type) in [("&plain=true", "text/plain"), ("", "application/json")] {
        let after = if rest.is_empty() { Duration::from_secs(1) } else { MINUTE };
        let line = Line(Some((after, stream)));
        let (took, status, headers, text) = ask(line, &path(rest), AclDisabled).await;
        assert_eq!((took, status), (Duration::from_millis(700), 200));
        assert_eq!(headers["content-type"], content_type);
        assert_eq!(headers["x-nomad-gateway-agent"], "client1");
        assert_eq!(headers["x-nomad-gateway-path"], "direct");
        assert_eq!(text, Ok("hello".into()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_agent_sends_in_time_is_what_the_client_gets() {
    let stream: &'static str = Box::leak(format!("{STREAM}0\r\n\r\n").into());
    let (took, status, headers, _) =
        ask(Line(Some((SOON, stream))), &path("&plain=true"), AclDisabled).await;
    assert_eq!((took, status), (SOON, 200));
    assert_eq!(headers["content-type"], "text/x-own");
    let fault = "HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\ngone";
    let (_, status, _, text) = ask(Line(Some((SOON, fault))), &path(""), AclDisabled).await;
    assert_eq!((status, text), (404, Ok("gone".into())));
}

#[tokio::test(start_paused = true)]
async fn an_error_that_comes_late_is_text_in_the_stream_and_silence_breaks_it() {
    let fault = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\ngone";
    let (_, status, _, text) =
        ask(Line(Some((MINUTE, fault))), &path("&plain=true"), AclDisabled).await;
    assert_eq!((status, text), (200, Ok("gone".into())));
    let (_, status, _, text) =
        ask(Line(Some((MINUTE, ""))), &path("&plain=true"), AclDisabled).await;
    assert_eq!(status, 200);
    assert!(text.unwrap_err().contains("broke the connection"), "not as if it had ended");
}

#[tokio::test(start_paused = true)]
async fn no_head_is_sent_for_whom_the_agent_decides_or_before_it_is_connected() {
    let fault = "HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\nno!!";
    let late = Line(Some((MINUTE, fault)));
    let (took, status, ..) = ask(late, &path("&plain=true&deferred"), AclDeferred).await;
    assert_eq!((took, status), (MINUTE, 403));
    let (took, status, ..) = ask(Line(None), &path("&plain=true"), AclDisabled).await;
    assert_eq!((took, status), (Duration::from_secs(1), 404));
}
