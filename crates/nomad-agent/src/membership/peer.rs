//! What servers and clients say to each other beside gossip: a server answers its peers on its RPC address.
//!
//! Nomad speaks RPC there. This agent speaks HTTP with two calls. [`PEER_MEMBERS_PATH`] is the members, as this server sees
//! them: how a client learns of servers, and how a server is pinged. [`PEER_IDENTITY_PATH`] is how a client gets its identity
//! signed. Nobody's rights are asked, as Nomad's own nodes need no token for them either: what is told is what gossip
//! tells, and who a node is shows in what it proves.

use std::{
    convert::Infallible,
    error::Error as _,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use nomad_wire::{
    SecretId,
    agent::Members,
    json::{Layout, to_json},
};
use thiserror::Error;
use tokio::{net::TcpStream, time::timeout};
use tower_service::Service;

use super::{
    Member, MembershipError,
    address::{RPC_PORT, resolve},
};
use crate::{
    agent::Agent,
    body::Body,
    error::AgentError,
    node_identity::IdentityRequest,
    request_body::{RequestBody, read_body},
};

/// The call by which a server tells its peers who the servers are.
pub const PEER_MEMBERS_PATH: &str = "/v1/peer/members";

/// The call by which a server signs the identity of a client: `POST` of the client's id, pool, datacenter and proof as
/// JSON; the answer is the token as it is.
pub const PEER_IDENTITY_PATH: &str = "/v1/peer/identity";

/// A server that takes longer than this is not there: a client that asks it every second must not wait for ever.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);

/// More than ten thousand members fit; what is longer is no list of members.
const MAX_RESPONSE: usize = 8 * 1024 * 1024;

/// What a server says to its peers; see [`peer_service`].
#[derive(Debug, Clone)]
pub struct PeerService {
    agent: Agent,
}

/// The service that a server agent's RPC address has to serve.
#[must_use]
pub const fn peer_service(agent: Agent) -> PeerService {
    PeerService { agent }
}

/// Why a server did not answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(super) enum PeerError {
    /// Nobody takes the connection.
    #[error("failed to get conn: dial tcp {address}")]
    Connect {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    /// The connection broke.
    #[error("the connection broke")]
    Connection(#[from] hyper::Error),
    /// The answer did not come whole.
    #[error("the answer did not come whole")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Somebody answers who is no server.
    #[error("no server answers there: status {0}")]
    Status(StatusCode),
    /// The server does not want to.
    #[error("{0}")]
    Refused(Box<str>),
    /// Somebody answers something else.
    #[error("no server answers there")]
    Json(#[from] serde_json::Error),
    /// Nothing came in time.
    #[error("no answer within a second")]
    Timeout,
}

impl PeerError {
    /// The text with what lies below it, for texts that callers see.
    pub(super) fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }
}

/// Asks the server at an address for its members.
pub(super) async fn fetch_members(address: SocketAddr) -> Result<Members, PeerError> {
    let answer = call_peer(address, Request::get(PEER_MEMBERS_PATH), Bytes::new()).await?;
    Ok(serde_json::from_slice(&answer)?)
}

/// Asks servers for a signed identity, one after the other until one signs.
pub(super) async fn request_identity(
    servers: Vec<String>,
    request: &IdentityRequest,
) -> Result<SecretId, MembershipError> {
    let mut faults = Vec::new();
    for server in servers {
        match request_identity_from(&server, request).await {
            Ok(token) => return Ok(token),
            Err(fault) => faults.push(format!("{server}: {fault}")),
        }
    }
    Err(MembershipError::IdentityNotSigned(faults.join("; ").into()))
}

async fn request_identity_from(
    server: &str,
    request: &IdentityRequest,
) -> Result<SecretId, String> {
    let address = resolve(server, RPC_PORT).await.map_err(|error| error.to_string())?;
    let body = request.to_json().map_err(|error| error.to_string())?;
    let answer = call_peer(address, Request::post(PEER_IDENTITY_PATH), body.into()).await;
    let answer = answer.map_err(|error| error.with_causes())?;
    let token = std::str::from_utf8(&answer).map_err(|error| error.to_string())?;
    Ok(SecretId::new(token))
}

/// One request to the server at an address, and its whole answer.
async fn call_peer(
    address: SocketAddr,
    call: http::request::Builder,
    body: Bytes,
) -> Result<Bytes, PeerError> {
    let call = call.header(header::HOST, address.to_string()).body(Full::new(body));
    let request = call.expect("a constant path and an address make a request");
    timeout(RESPONSE_TIMEOUT, send_request(address, request))
        .await
        .unwrap_or(Err(PeerError::Timeout))
}

async fn send_request(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Bytes, PeerError> {
    let connected = TcpStream::connect(address).await;
    let stream = connected.map_err(|source| PeerError::Connect { address, source })?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // The connection ends with its sender, so both come to an end together.
    let (answer, _) = tokio::join!(
        async move {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_RESPONSE).collect().await;
            let body = body.map_err(PeerError::Body)?.to_bytes();
            match status {
                StatusCode::OK => Ok(body),
                StatusCode::FORBIDDEN => {
                    Err(PeerError::Refused(String::from_utf8_lossy(&body).into()))
                }
                status => Err(PeerError::Status(status)),
            }
        },
        connection
    );
    answer
}

/// The servers of an answer.
pub(super) fn members_from_wire(answer: &Members) -> Vec<Member> {
    answer.members.iter().filter_map(Member::from_wire).collect()
}

impl<B: RequestBody> Service<Request<B>> for PeerService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let agent = self.agent.clone();
        Box::pin(async move { Ok(handle(&agent, request).await) })
    }
}

async fn handle<B: RequestBody>(agent: &Agent, request: Request<B>) -> Response<Body> {
    let answered = match (request.method(), request.uri().path()) {
        (&Method::GET, PEER_MEMBERS_PATH) => members_response(agent),
        (&Method::POST, PEER_IDENTITY_PATH) => identity_response(agent, request.into_body()).await,
        _ => Err(AgentError::UnknownPath),
    };
    answered.unwrap_or_else(|error| error.into_http_error().into_response())
}

fn members_response(agent: &Agent) -> Result<Response<Body>, AgentError> {
    let config = agent.config();
    let members = Members {
        members: agent.membership().members().iter().map(Member::to_wire).collect(),
        server_name: config.name.clone(),
        server_region: config.region.clone(),
        server_dc: config.datacenter.clone(),
        ..Members::default()
    };
    Ok(Response::new(Body::full(to_json(&members, Layout::Compact)?)))
}

async fn identity_response<B: RequestBody>(
    agent: &Agent,
    body: B,
) -> Result<Response<Body>, AgentError> {
    let issuer = agent.issuer().ok_or(AgentError::UnknownPath)?;
    let request = IdentityRequest::parse(&read_body(body).await?);
    let no_request =
        || AgentError::with_status(StatusCode::BAD_REQUEST, "no request for an identity");
    let token = issuer.issue(&request.ok_or_else(no_request)?, Timestamp::now());
    let token =
        token.map_err(|error| AgentError::with_status(StatusCode::FORBIDDEN, error.to_string()))?;
    Ok(Response::new(Body::full(token.expose().to_owned())))
}
