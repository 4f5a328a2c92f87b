//! Calls between servers and clients beside gossip: a server serves its peers on its RPC address.
//!
//! Nomad speaks RPC there. This agent speaks HTTP with two calls. [`PEER_MEMBERS_PATH`] returns the members as this
//! server sees them: clients discover servers with it, and servers are pinged with it. [`PEER_IDENTITY_PATH`] signs
//! a client's identity. Neither requires a token, as Nomad's own nodes need none: the members are what gossip sends
//! anyway, and a node authenticates by its proof.

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

/// The call that returns the members a server knows.
pub const PEER_MEMBERS_PATH: &str = "/v1/peer/members";

/// The call by which a server signs the identity of a client: `POST` of the client's id, pool, datacenter and proof
/// as JSON; the response is the bare token.
pub const PEER_IDENTITY_PATH: &str = "/v1/peer/identity";

/// A server that takes longer counts as down: a client that polls it every second must not wait forever.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);

/// More than ten thousand members fit; a longer response is no list of members.
const MAX_RESPONSE: usize = 8 * 1024 * 1024;

/// The service for a server's peers; see [`peer_service`].
#[derive(Debug, Clone)]
pub struct PeerService {
    agent: Agent,
}

/// The service that a server agent must serve on its RPC address.
#[must_use]
pub const fn peer_service(agent: Agent) -> PeerService {
    PeerService { agent }
}

/// Why a call to a server failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(super) enum PeerError {
    /// The connection was refused.
    #[error("failed to get conn: dial tcp {address}")]
    Connect {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    /// The connection broke.
    #[error("the connection broke")]
    Connection(#[from] hyper::Error),
    /// The response is incomplete.
    #[error("the response is incomplete")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The response is not that of a server.
    #[error("not a server: status {0}")]
    Status(StatusCode),
    /// The server refused.
    #[error("{0}")]
    Refused(Box<str>),
    /// The response body is not that of a server.
    #[error("not a server: unknown response")]
    Json(#[from] serde_json::Error),
    /// No response in time.
    #[error("no response within a second")]
    Timeout,
}

impl PeerError {
    /// The text with its sources, for texts that clients see.
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

/// Fetches the members from the server at an address.
pub(super) async fn fetch_members(address: SocketAddr) -> Result<Members, PeerError> {
    let answer = call_peer(address, Request::get(PEER_MEMBERS_PATH), Bytes::new()).await?;
    Ok(serde_json::from_slice(&answer)?)
}

/// Requests a signed identity from the servers, one after the other until one signs.
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

/// Sends one request to the server at an address, and reads the whole response.
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
    // The connection ends with its sender, so both futures complete together.
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

/// The servers in a response.
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
