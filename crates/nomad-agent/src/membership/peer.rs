//! What servers and clients say to each other beside gossip: a server answers its peers on its RPC address.
//!
//! Nomad speaks RPC there. This agent speaks HTTP with a single call, [`PEER_PATH`]: the members, as this server sees
//! them. It is how a client learns of servers, and how a server is pinged. Nobody's rights are asked, as Nomad's own
//! nodes need no token for it either; what is told is what gossip tells.

use std::{
    convert::Infallible,
    error::Error as _,
    future::{Ready, ready},
    net::SocketAddr,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use nomad_wire::{
    Fault,
    agent::Members,
    json::{Layout, to_json},
};
use thiserror::Error;
use tokio::{net::TcpStream, time::timeout};
use tower_service::Service;

use super::Member;
use crate::{agent::Agent, body::Body};

/// The call that a server answers its peers.
pub const PEER_PATH: &str = "/v1/peer/members";

/// A server that takes longer than this is not there: a client that asks it every second must not wait for ever.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// More than ten thousand members fit; what is longer is no list of members.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// What a server says to its peers; see [`peers`].
#[derive(Debug, Clone)]
pub struct Peers {
    agent: Agent,
}

/// The service that a server agent's RPC address has to serve.
#[must_use]
pub const fn peers(agent: Agent) -> Peers {
    Peers { agent }
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
    Broken(#[from] hyper::Error),
    /// The answer did not come whole.
    #[error("the answer did not come whole")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Somebody answers who is no server.
    #[error("no server answers there: status {0}")]
    Status(StatusCode),
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
pub(super) async fn ask(address: SocketAddr) -> Result<Members, PeerError> {
    timeout(ANSWER_LIMIT, exchange(address)).await.unwrap_or(Err(PeerError::Timeout))
}

async fn exchange(address: SocketAddr) -> Result<Members, PeerError> {
    let connected = TcpStream::connect(address).await;
    let stream = connected.map_err(|source| PeerError::Connect { address, source })?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = http::Uri::from_static(PEER_PATH);
    let host = HeaderValue::try_from(address.to_string());
    request.headers_mut().insert(header::HOST, host.expect("an address is a header value"));
    // The connection ends with its sender, so both come to an end together.
    let (answer, _) = tokio::join!(
        async move {
            let response = sender.send_request(request).await?;
            if response.status() != StatusCode::OK {
                return Err(PeerError::Status(response.status()));
            }
            let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
            Ok(body.map_err(PeerError::Body)?.to_bytes())
        },
        connection
    );
    Ok(serde_json::from_slice(&answer?)?)
}

/// The servers of an answer.
pub(super) fn servers(answer: &Members) -> Vec<Member> {
    answer.members.iter().filter_map(Member::from_wire).collect()
}

impl<B> Service<Request<B>> for Peers {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(answer(&self.agent, request.method(), request.uri().path())))
    }
}

fn answer(agent: &Agent, method: &Method, path: &str) -> Response<Body> {
    if path != PEER_PATH || method != Method::GET {
        return Fault::new(StatusCode::NOT_FOUND, "").into_response();
    }
    let config = agent.config();
    let members = Members {
        members: agent.membership().members().iter().map(Member::to_wire).collect(),
        server_name: config.name.clone(),
        server_region: config.region.clone(),
        server_dc: config.datacenter.clone(),
        ..Members::default()
    };
    match to_json(&members, Layout::Compact) {
        Ok(body) => Response::new(Body::full(body)),
        Err(error) => {
            Fault::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
        }
    }
}
