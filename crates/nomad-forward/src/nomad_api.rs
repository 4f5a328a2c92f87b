//! Nomad's own API, asked for what the gateway itself needs to know.

mod error;

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use nomad_wire::{Query, call::FirstByte, query::QueryOptions};
use tokio::time::timeout;
use tower_service::Service;

pub use self::error::ApiError;
use crate::{
    Agent,
    connect::{
        Connect, Connection, ConnectionLimits, Lease, Pool, SendError,
        health_tracker::HealthTracker,
    },
    directory::Reachability,
    layers::{
        forward::{ForwardBody, headers},
        upstream_body::UpstreamBody,
    },
};

/// The largest answer that is read: the list of 10,000 nodes has about 10 MB.
const MAX_RESPONSE: usize = 256 << 20;

/// Few, so that they and the callers' connections stay below the 100 that an agent allows one address.
const LIMITS: ConnectionLimits =
    ConnectionLimits { connections: 8, queued: 4_096, queue_timeout: Duration::from_secs(10) };

/// A client of Nomad's HTTP API that asks any server that answers.
///
/// A `tower` service: requests have a path and no authority, an answer of any status is an answer. When a server
/// cannot be reached the next one is asked; when it breaks off or stays silent, the next one is asked only for what
/// changes nothing. Clones share connections and the list of servers.
pub struct NomadApi<C: Connect> {
    pool: Pool<C, UpstreamBody<Full<Bytes>>>,
    rotation: Arc<ServerRotation>,
}

struct ServerRotation {
    servers: RwLock<Arc<[Arc<Agent>]>>,
    next: AtomicUsize,
    health: HealthTracker,
}

impl<C: Connect> NomadApi<C> {
    /// Asks these servers over connections made by `connect`.
    pub fn new(connect: C, servers: Vec<Arc<Agent>>) -> Self {
        let fleet = ServerRotation {
            servers: RwLock::new(servers.into()),
            next: AtomicUsize::new(0),
            health: HealthTracker::default(),
        };
        Self { pool: Pool::new(connect).with_limits(LIMITS), rotation: Arc::new(fleet) }
    }

    /// The servers that are asked.
    #[must_use]
    pub fn servers(&self) -> Arc<[Arc<Agent>]> {
        Arc::clone(&self.rotation.servers.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks these from now on.
    pub fn set_servers(&self, servers: Vec<Arc<Agent>>) {
        *self.rotation.servers.write().unwrap_or_else(PoisonError::into_inner) = servers.into();
    }

    /// What is known about who can be reached.
    pub(crate) fn health(&self) -> &HealthTracker {
        &self.rotation.health
    }

    /// The servers in turn, those that could not be reached a moment ago or were silent last.
    pub(crate) fn rotated(&self, servers: &[Arc<Agent>]) -> Vec<Arc<Agent>> {
        let first = self.rotation.next.fetch_add(1, Ordering::Relaxed) % servers.len().max(1);
        let (before, after) = servers.split_at(first);
        let mut turn: Vec<_> = after.iter().chain(before).map(Arc::clone).collect();
        turn.sort_by_key(|server| self.rotation.health.is_last(server));
        turn
    }
}

impl<C: Connect> NomadApi<C> {
    async fn send_to_any(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ApiError> {
        let mut failed = ApiError::NoServers;
        for server in self.rotated(&self.servers()) {
            match self.send_to(&server, request.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) if error.is_unsent() || request.method().is_safe() => failed = error,
                Err(error) => return Err(error),
            }
        }
        Err(failed)
    }

    /// Asks one server.
    pub(crate) async fn send_to(
        &self,
        server: &Arc<Agent>,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, ApiError> {
        let limit = limit(request.uri());
        let taken = self.pool.checkout(server, Lease::Short).await;
        let reachable = match &taken {
            Err(error) if error.is_unreachable() => Reachability::Unreachable,
            _ => Reachability::Reachable,
        };
        self.rotation.health.observe(server, reachable);
        let connection = taken.map_err(ApiError::Connect)?;
        let request = headers::prepare_request(request, server);
        let answered = timeout(limit, self.exchange(connection, request));
        answered.await.unwrap_or_else(|_| {
            self.rotation.health.observe_timeout(server);
            Err(ApiError::Timeout(limit))
        })
    }

    /// Sends the request and reads the whole answer. A kept connection that turns out closed is made anew, for a
    /// question that changes nothing also when the request was written into it already.
    async fn exchange(
        &self,
        mut connection: Connection<UpstreamBody<Full<Bytes>>>,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, ApiError> {
        let response = loop {
            match connection.send(request.clone().map(buffered_body)).await {
                Ok(response) => break response,
                Err(failed) => {
                    let (is_unsent, error) = match failed {
                        SendError::Unsent(_, error) => (true, error),
                        SendError::Lost(error) => (false, error),
                    };
                    if !connection.is_reused() || !(is_unsent || request.method().is_safe()) {
                        return Err(ApiError::Lost(error));
                    }
                    let opened = self.pool.reopen(connection).await;
                    connection = opened.map_err(ApiError::Connect)?;
                }
            }
        };
        let (head, body) = response.into_parts();
        let body = ForwardBody::new(body, connection);
        let body = Limited::new(body, MAX_RESPONSE).collect().await.map_err(ApiError::Body)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

/// The limit for a whole response: the server waits for a sixteenth longer than it is told to.
fn limit(uri: &Uri) -> Duration {
    let wait = QueryOptions::parse(&Query::from_uri(uri)).ok().and_then(|common| common.wait);
    wait.map_or(FirstByte::PLAIN, |wait| FirstByte::PLAIN + wait + wait / 16)
}

fn buffered_body(body: Bytes) -> UpstreamBody<Full<Bytes>> {
    UpstreamBody::buffered(Full::new(body))
}

impl<C: Connect> Service<Request<Bytes>> for NomadApi<C> {
    type Response = Response<Bytes>;
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Bytes>, ApiError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ApiError>> {
        // Requests queue for a connection, not before it.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let api = self.clone();
        Box::pin(async move { api.send_to_any(request).await })
    }
}

impl<C: Connect> Clone for NomadApi<C> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), rotation: Arc::clone(&self.rotation) }
    }
}

impl<C: Connect> fmt::Debug for NomadApi<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NomadApi").field("servers", &self.servers()).finish_non_exhaustive()
    }
}
