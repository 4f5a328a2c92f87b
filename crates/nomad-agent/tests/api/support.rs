//! Several agents in one process, and a client.

use std::{
    future::{Ready, ready},
    net::SocketAddr,
    sync::Arc,
};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use nomad_acl::{
    Acl, AclDisabled, LookupOptions, Policy, RegionScope, RegionalAcl, Tokens, TokensError,
};
use nomad_agent::{Agent, AgentConfig, Body, HostSource, Role, Roster, Standalone, standalone};
use nomad_wire::{SecretId, agent::HostData, client::HostStats};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service as _;

/// A host without a kernel: its facts are the same on every machine.
#[derive(Debug)]
pub(crate) struct FixedHost;

impl HostSource for FixedHost {
    fn facts(&self) -> HostData {
        HostData { os: "quiet".to_owned(), ..HostData::default() }
    }

    fn stats(&self) -> HostStats {
        HostStats { uptime: 7, ..HostStats::default() }
    }
}

/// An agent with the roster, in it if it is a server, on a fixed host.
pub(crate) async fn start(config: AgentConfig, roster: &Arc<Roster>) -> Agent {
    let known: Arc<Roster> = Arc::clone(roster);
    let agent = Agent::builder(config).membership(known).host(Arc::new(FixedHost)).start().await;
    let agent = agent.unwrap();
    if let Some(member) = agent.member() {
        roster.insert(member);
    }
    agent
}

/// A single agent of this role, called `agent1`.
pub(crate) async fn start_alone(role: Role) -> Agent {
    start(AgentConfig::new("agent1", role), &Arc::new(Roster::new())).await
}

/// Two servers, then a client, all in region `global`.
pub(crate) async fn start_cluster() -> [Agent; 3] {
    let roster = Arc::new(Roster::new());
    let mut agents = Vec::new();
    for (at, (name, role)) in
        [("server1", Role::Server), ("server2", Role::Server), ("client1", Role::Client)]
            .into_iter()
            .enumerate()
    {
        let mut config = AgentConfig::new(name, role);
        config.rpc.set_port(5000 + u16::try_from(at).unwrap());
        agents.push(start(config, &roster).await);
    }
    agents.try_into().unwrap()
}

/// A response.
#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) text: String,
}

impl TestResponse {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_str(&self.text).unwrap()
    }

    /// Status and text of a refusal; checks its content type as well.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        if !self.text.is_empty() {
            assert_eq!(self.headers["content-type"], "text/plain; charset=utf-8", "{self:?}");
        }
        (self.status.as_u16(), &self.text)
    }
}

/// Sends a request with ACLs disabled.
pub(crate) async fn get(agent: &Agent, path: &str) -> TestResponse {
    send_request(standalone(agent.clone(), AclDisabled), request("GET", path)).await
}

pub(crate) fn request(method: &str, path: &str) -> Request<Full<Bytes>> {
    request_with(method, path, "")
}

pub(crate) fn request_with(method: &str, path: &str, body: &str) -> Request<Full<Bytes>> {
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    Request::builder().method(method).uri(path).body(body).unwrap()
}

/// Sends a request with ACLs disabled and a body.
pub(crate) async fn send(agent: &Agent, method: &str, path: &str, body: &str) -> TestResponse {
    send_request(standalone(agent.clone(), AclDisabled), request_with(method, path, body)).await
}

/// Serves on a free port for as long as the test runs.
pub(crate) async fn serve<T: Tokens + Clone + Send + Sync + 'static>(
    service: Standalone<T>,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let service = service.clone();
            let service = hyper::service::service_fn(move |request| service.clone().call(request));
            tokio::spawn(async move {
                // A client that disconnects in the middle of a stream is an error to hyper and none to us.
                let http = hyper::server::conn::http1::Builder::new();
                drop(http.serve_connection(TokioIo::new(socket), service).await);
            });
        }
    });
    address
}

/// Sends a request over a socket, and reads the response to its end.
pub(crate) async fn send_request<T: Tokens + Clone + Send + Sync + 'static>(
    service: Standalone<T>,
    mut request: Request<Full<Bytes>>,
) -> TestResponse {
    let address = serve(service).await;
    let socket = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(socket).await.unwrap();
    tokio::spawn(connection);
    request.headers_mut().insert("host", "agent".parse().unwrap());
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.headers().get("vary").unwrap(), "Accept-Encoding");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    TestResponse { status: parts.status, headers: parts.headers, body, text }
}

/// A streamed body: the response as soon as its head is there.
pub(crate) async fn open(agent: &Agent, path: &str) -> http::Response<Body> {
    let Ok(response) = standalone(agent.clone(), AclDisabled).call(request("GET", path)).await;
    response
}

/// The same over a socket, as a remote client gets it.
pub(crate) async fn open_over_http(agent: &Agent, path: &str) -> http::Response<Incoming> {
    let address = serve(standalone(agent.clone(), AclDisabled)).await;
    let socket = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(socket).await.unwrap();
    tokio::spawn(connection);
    let mut request = request("GET", path);
    request.headers_mut().insert("host", "agent".parse().unwrap());
    sender.send_request(request).await.unwrap()
}

/// The next chunk as text.
pub(crate) async fn chunk<B>(body: &mut B) -> String
where
    B: http_body::Body<Data = Bytes, Error: std::fmt::Debug> + Unpin,
{
    let frame = body.frame().await.unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}

/// ACLs enabled: `management` may do everything, `agent-read` and the like what their names say, all others
/// nothing; `gone` is expired.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TestTokens;

impl Tokens for TestTokens {
    type Future = Ready<Result<RegionalAcl, TokensError>>;

    fn resolve_with(&self, token: Option<&SecretId>, _: LookupOptions<'_>) -> Self::Future {
        let acl = match token.map(SecretId::expose) {
            None => Ok(Acl::deny_all()),
            Some("management") => Ok(Acl::management()),
            Some("agent-read") => Ok(acl_of(r#"agent { policy = "read" }"#)),
            Some("agent-write") => Ok(acl_of(r#"agent { policy = "write" }"#)),
            Some("node-read") => Ok(acl_of(r#"node { policy = "read" }"#)),
            Some("node-write") => Ok(acl_of(r#"node { policy = "write" }"#)),
            Some("gone") => Err(TokensError::Expired),
            Some(_) => Err(TokensError::NotFound),
        };
        ready(acl.map(|acl| RegionalAcl::new(RegionScope::Own, acl)))
    }
}

fn acl_of(rules: &str) -> Acl {
    let policy: Policy = rules.parse().unwrap();
    Acl::compile([("limited", &policy)])
}

/// Sends a request with ACLs enabled.
pub(crate) async fn get_as(agent: &Agent, token: &str, path: &str) -> TestResponse {
    send_request_as(agent, token, request("GET", path)).await
}

/// Sends any request with ACLs enabled.
pub(crate) async fn send_request_as(
    agent: &Agent,
    token: &str,
    mut request: Request<Full<Bytes>>,
) -> TestResponse {
    if !token.is_empty() {
        request.headers_mut().insert("x-nomad-token", token.parse().unwrap());
    }
    send_request(standalone(agent.clone(), TestTokens), request).await
}
