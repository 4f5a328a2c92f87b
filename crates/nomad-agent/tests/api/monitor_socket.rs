//! Monitors as clients read them: types, frames and lines over a socket.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::StatusCode;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use nomad_acl::{AclDisabled, Tokens};
use nomad_agent::{Agent, AgentConfig, Role, Roster};
use nomad_wire::query::LogLevel;
use tokio::net::TcpStream;
use tracing::{debug, info, warn};

use crate::{
    support::{TestTokens, get_as, request, send_request_as, start, start_alone, start_cluster},
    test_server::{TestServer, serve},
};

/// A monitor that a client reads over a socket.
struct Monitor {
    kind: String,
    body: Incoming,
    _served: TestServer,
}

impl Monitor {
    /// Opens it, and logs as the agent as soon as it is subscribed: earlier lines are not received.
    async fn open(agent: &Agent, query: &str, speak: impl FnOnce()) -> Self {
        Self::open_as(agent, AclDisabled, query, speak).await
    }

    async fn open_as<T>(agent: &Agent, tokens: T, query: &str, speak: impl FnOnce()) -> Self
    where
        T: Tokens + Clone + Send + Sync + 'static,
    {
        let served = serve(agent, tokens).await;
        let socket = TokioIo::new(TcpStream::connect(served.address).await.unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(socket).await.unwrap();
        tokio::spawn(connection);
        let mut asked = request("GET", &format!("/v1/agent/monitor?{query}"));
        asked.headers_mut().insert("host", "agent".parse().unwrap());
        asked.headers_mut().insert("x-nomad-token", "agent-read".parse().unwrap());
        let before = agent.log().receiver_count();
        let opening = tokio::spawn(async move {
            // The connection lives as long as its sender.
            (sender.send_request(asked).await.unwrap(), sender)
        });
        while agent.log().receiver_count() == before {
            tokio::task::yield_now().await;
        }
        tracing::dispatcher::with_default(agent.dispatch(), speak);
        let (response, _) = opening.await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        Self { kind, body: response.into_body(), _served: served }
    }

    /// Reads until `enough` holds.
    async fn read_until(&mut self, enough: impl Fn(&str) -> bool) -> String {
        let mut seen = String::new();
        while !enough(&seen) {
            let piece = self.body.frame().await.unwrap().unwrap().into_data().unwrap();
            seen.push_str(std::str::from_utf8(&piece).unwrap());
        }
        seen
    }

    /// Reads the log in frames until it contains a line.
    async fn read_frames(&mut self, line: &str) -> String {
        let text = self.read_until(|seen| data(seen).contains(line)).await;
        data(&text)
    }
}

/// The data of whole frames; an incomplete one is not parsed yet.
fn data(frames: &str) -> String {
    let frames = serde_json::Deserializer::from_str(frames).into_iter::<serde_json::Value>();
    let parts = frames.map_while(Result::ok).filter_map(|frame| {
        frame["Data"].as_str().map(|data| BASE64_STANDARD.decode(data).unwrap())
    });
    String::from_utf8(parts.flatten().collect()).unwrap()
}

const SCRIPT: &str = "log that <script>should</script> be sent & no \"more\"";

#[tokio::test]
async fn frames_begin_with_their_data() {
    let agent = start_alone(Role::Both).await;
    let mut monitor =
        Monitor::open(&agent, "log_level=warn", || warn!(target: "http", "heard")).await;
    assert_eq!(monitor.kind, "application/json");
    let first = monitor.read_until(|seen| !seen.is_empty()).await;
    assert!(first.starts_with("{\"Data\":\""), "{first}");
    assert!(data(&first).ends_with(" [WARN]  http: heard\n"), "{first}");
}

// A log line can contain text of any request: no browser may take it for a page.
#[tokio::test]
async fn markup_in_a_line_is_never_a_page() {
    let agent = start_alone(Role::Both).await;
    let speak = || debug!(target: "http", "{SCRIPT}");
    let mut plain = Monitor::open(&agent, "plain=true&log_level=debug", speak).await;
    assert_eq!(plain.kind, "text/plain");
    let text = plain.read_until(|seen| seen.ends_with('\n')).await;
    assert!(text.contains(&format!("[DEBUG] http: {SCRIPT}\n")), "{text}");
    let mut framed = Monitor::open(&agent, "log_level=debug", speak).await;
    assert_eq!(framed.kind, "application/json");
    let text = framed.read_until(|seen| data(seen).contains(SCRIPT)).await;
    assert!(!text.contains("script"), "{text}");
}

#[tokio::test]
async fn a_level_is_the_monitors_own() {
    let config = AgentConfig { log_level: LogLevel::Error, ..AgentConfig::new("a", Role::Both) };
    let agent = start(config, &std::sync::Arc::new(Roster::new())).await;
    let speak = || debug!(target: "client", "test log");
    let mut monitor = Monitor::open(&agent, "log_level=debug", speak).await;
    assert!(monitor.read_frames("test log").await.contains("[DEBUG] client: test log\n"));
}

#[tokio::test]
async fn every_agent_has_its_own_log_by_every_name_it_has() {
    let [leader, _, client] = start_cluster().await;
    let node_id = client.node_id().unwrap();
    let server_id = leader.server_id().unwrap();
    for (agent, query) in [
        (&client, String::new()),
        (&client, format!("node_id={node_id}")),
        (&leader, String::new()),
        (&leader, "server_id=leader".to_owned()),
        (&leader, "server_id=server1.global".to_owned()),
        (&leader, "server_id=server1.global&region=global".to_owned()),
        (&leader, format!("server_id={server_id}")),
    ] {
        let speak = || debug!(target: "nomad", "heard by {query}");
        let query = format!("{query}&log_level=debug");
        let mut monitor = Monitor::open(agent, &query, speak).await;
        assert!(monitor.read_frames("heard by").await.contains("[DEBUG] nomad: heard by"));
    }
}

#[tokio::test]
async fn who_may_not_hears_nothing() {
    let agent = start_alone(Role::Both).await;
    let path = "/v1/agent/monitor?log_level=debug";
    for token in ["", "unknown", "node-write"] {
        assert_eq!(get_as(&agent, token, path).await.refusal(), (403, "Permission denied"));
    }
    for token in ["agent-read", "management"] {
        let answer =
            send_request_as(&agent, token, request("GET", "/v1/agent/monitor?log_level=blah"))
                .await;
        assert_eq!(answer.refusal(), (400, "Unknown log level: blah"));
    }
    let speak = || debug!(target: "http", "for readers");
    let mut monitor = Monitor::open_as(&agent, TestTokens, "log_level=debug", speak).await;
    assert!(monitor.read_frames("for readers").await.contains("[DEBUG]"));
}

// Queued for a client that does not read: two buffers of the kernel and the queue of the monitor, at most.
#[tokio::test]
async fn a_slow_reader_is_told_what_it_missed() {
    let agent = start_alone(Role::Client).await;
    let mut monitor = Monitor::open(&agent, "plain=true", || info!("first")).await;
    monitor.read_until(|seen| seen.ends_with("first\n")).await;
    let line = "x".repeat(4096);
    for _ in 0..200 {
        tracing::dispatcher::with_default(agent.dispatch(), || {
            (0..100).for_each(|_| info!("{line}"));
        });
        tokio::task::yield_now().await;
    }
    let text = monitor.read_until(|seen| seen.ends_with("during monitor request\n")).await;
    let notice = text.lines().last().unwrap();
    let count = notice.strip_prefix("[WARN] Monitor dropped ").unwrap();
    let count: usize = count.split_once(' ').unwrap().0.parse().unwrap();
    assert!(count > 100 && count + text.lines().count() >= 20_000, "{notice}");
}
