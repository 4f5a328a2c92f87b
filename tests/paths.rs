//! A request line reaches the server as the client wrote it.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use nomad_acl::AclDisabled;
use nomad_forward::{Agent, StaticDirectory};
use nomad_gateway::{Gateway, ShutdownController, listener::Listener};
use nomad_wire::Region;
use tokio::task::JoinSet;

use crate::support::{FakeAgent, FakeResponse, send};

/// A gateway in front of one server that accepts everything and returns the request line.
pub(crate) struct TestGateway {
    pub(crate) address: SocketAddr,
    pub(crate) server: FakeAgent,
    _stopper: ShutdownController,
    _tasks: JoinSet<()>,
}

impl TestGateway {
    pub(crate) async fn start() -> Self {
        let mut tasks = JoinSet::new();
        let server =
            FakeAgent::start(&mut tasks, |_| FakeResponse::Complete(200, "served".into())).await;
        let id = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c".parse().unwrap();
        let agent = Agent::server("server1", id, Region::default(), server.address).unwrap();
        let table = StaticDirectory::builder(Region::default()).agent(agent).build();
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.address();
        let stopper = ShutdownController::new(Duration::ZERO);
        tasks.spawn(Gateway::new(table, AclDisabled).serve(listener, stopper.subscribe()));
        Self { address, server, _stopper: stopper, _tasks: tasks }
    }

    /// The last request line that the server received.
    pub(crate) fn last_request_line(&self) -> String {
        let heads = self.server.heads();
        heads.last().and_then(|head| head.lines().next()).unwrap_or_default().to_owned()
    }
}

/// Odd job ids that Nomad accepts.
const IDS: [&str; 36] = [
    "team//web",
    "/lead/slash",
    "end/",
    "//",
    "a/./b",
    "a/../b",
    "..",
    ".",
    "...",
    "a/..",
    "../a",
    "./a",
    "/",
    "a%2Fb",
    "a%2F%2Fb",
    "%",
    "100%",
    "a b",
    "a@b",
    "a+b",
    "a;b",
    "a?b",
    "a#b",
    "a~b",
    "a\"b",
    "a<b>",
    "a,b",
    "$a",
    "a*b",
    "a\\b",
    "a:b",
    "caf\u{e9}",
    "\u{65e5}\u{672c}",
    "a&b=c",
    "[a]{b}|^`",
    "a\u{1f680}b",
];

/// Go's `url.PathEscape`, and Python's `quote(safe="")`.
fn escaped(id: &str, plain: &[u8]) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || plain.contains(&byte);
    id.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_that_a_client_names_is_the_one_that_is_changed() {
    let front = TestGateway::start().await;
    for id in IDS {
        for plain in [&b"-_.~$&+:=@"[..], b"-_.~"] {
            // As Go's client: Nomad cleans a segment of dots alone, so no client can send one.
            let id = escaped(id, plain).replace("..", "%2E%2E");
            let id = if id == "." { "%2E".to_owned() } else { id };
            for (method, path) in [
                (Method::GET, format!("/v1/job/{id}")),
                (Method::PUT, format!("/v1/job/{id}/scale")),
                (Method::PUT, format!("/v1/job/{id}/dispatch?namespace=a%2Fb")),
                (Method::DELETE, format!("/v1/job/{id}?purge=true")),
            ] {
                let request = Request::builder().method(&method).uri(&path);
                let body = request.body(Full::<Bytes>::default()).unwrap();
                let answer = send(front.address, body).await;
                assert_eq!(answer.status, 200, "{method} {path}");
                assert_eq!(front.last_request_line(), format!("{method} {path} HTTP/1.1"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_twice_alike_is_taken_once_and_sent_on_once() {
    let front = TestGateway::start().await;
    for (tokens, seen) in [
        (&["secret", "secret"][..], Some("secret")),
        (&["secret", ""], Some("secret")),
        (&["", "secret", "secret"], Some("secret")),
        (&["secret", "other"], None),
    ] {
        let mut request = Request::put("/v1/agent/force-leave?region=global&node=x&region=global");
        for token in tokens {
            request = request.header("x-nomad-token", *token);
        }
        let answer = send(front.address, request.body(Full::default()).unwrap()).await;
        let Some(seen) = seen else {
            assert_eq!(answer.status, 400, "{tokens:?}");
            assert_eq!(answer.text(), "header x-nomad-token must not be repeated");
            continue;
        };
        assert_eq!(answer.status, 200, "{tokens:?}");
        assert_eq!(
            front.last_request_line(),
            "PUT /v1/agent/force-leave?region=global&node=x HTTP/1.1"
        );
        let head = front.server.heads().pop().unwrap().to_ascii_lowercase();
        let lines: Vec<_> = head.lines().filter(|line| line.starts_with("x-nomad-token")).collect();
        assert_eq!(lines, [format!("x-nomad-token: {seen}")], "{tokens:?}");
    }
    for (query, status) in [
        ("server_id=server1.global&server_id=server1.global", 200),
        ("server_id=server1&server_id=server1&region=global&region=global", 200),
        ("server_id=server1&server_id=server2", 400),
        ("region=global&region=mars", 400),
    ] {
        let path = format!("/v1/agent/self?{query}");
        let request = Request::get(&path).body(Full::default()).unwrap();
        assert_eq!(send(front.address, request).await.status, status, "{path}");
        assert!(
            front.last_request_line().matches("server_id").count() <= 1,
            "{}",
            front.last_request_line()
        );
        assert!(
            front.last_request_line().matches("region").count() <= 1,
            "{}",
            front.last_request_line()
        );
    }
}
