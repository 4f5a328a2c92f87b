//! `forward`: connects, sends the request, and streams the response back.

mod body;
mod error;
mod fallback;
pub mod forwarded;
pub(crate) mod headers;
mod health_check;
mod lease;
mod response_wait;
mod retry;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use nomad_wire::{Route, call::FirstByte};
use tower_service::Service;

pub use self::{
    body::{BodyError, ForwardBody},
    error::ForwardError,
    forwarded::ForwardedFor,
};
use self::{
    fallback::gone,
    lease::lease,
    response_wait::{WaitError, WaitStart},
    retry::Retry,
};
use crate::{
    Agent, Error,
    connect::{Connect, ConnectError, Connection, ConnectionLimits, Lease, Pool, SendError},
    directory::Directory,
    layers::{
        attribution::{ConcealAgent, conceal_agent},
        select::{Path, RelayFallback, UpstreamRequest},
        upgrade::Upgradeable,
        upstream_body::{UploadError, UpstreamBody},
    },
};

/// What became of a request that had a connection.
enum SendOutcome<B> {
    /// The answer, and the connection that its body comes over.
    Response(Response<Incoming>, Connection<UpstreamBody<B>>),
    /// The kept connection to this agent was closed before anything was written, and there is no new one.
    Unsent(Request<UpstreamBody<B>>, Arc<Agent>, ConnectError),
}

/// Sends a resolved request to its agent.
///
/// The answer's body passes as it comes. When it is dropped, because the caller went away, the connection to the
/// agent is closed at once.
#[derive(Debug)]
pub struct Forward<C: Connect, D, B> {
    pool: Pool<C, UpstreamBody<B>>,
    directory: D,
}

impl<C: Connect, D: Clone, B> Clone for Forward<C, D, B> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), directory: self.directory.clone() }
    }
}

impl<C: Connect, D, B> Forward<C, D, B> {
    /// Forwards over connections made by `connect`; `directory` hears which agents could be reached.
    pub fn new(connect: C, directory: D) -> Self {
        Self { pool: Pool::new(connect), directory }
    }

    /// The same with another budget of connections an agent.
    #[must_use]
    pub fn with_limits(self, budget: ConnectionLimits) -> Self {
        Self { pool: self.pool.with_limits(budget), directory: self.directory }
    }
}

impl<C, D, B> Service<UpstreamRequest<UpstreamBody<B>>> for Forward<C, D, B>
where
    C: Connect,
    D: Directory + Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<ForwardBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, resolved: UpstreamRequest<UpstreamBody<B>>) -> Self::Future {
        let forward = self.clone();
        Box::pin(async move {
            let conceal = resolved.request.extensions().get::<ConcealAgent>().copied();
            let mut response = forward.forward(resolved).await?;
            if conceal.is_some_and(|conceal| conceal.applies_to(response.status())) {
                conceal_agent(&mut response);
            }
            Ok(response)
        })
    }
}

fn upload_error(route: &Route, source: UploadError) -> ForwardError {
    ForwardError::Upload { route: route.clone(), source }
}

/// Why there was no answer on a connection that broke.
fn connection_error(route: &Route, agent: Arc<Agent>, source: hyper::Error) -> ForwardError {
    match UploadError::find_in(&source) {
        Some(source) => upload_error(route, source),
        None => ForwardError::Lost { agent, source },
    }
}

/// Why an agent's answer is waited for no longer.
fn wait_error(agent: &Arc<Agent>, silence: WaitError) -> ForwardError {
    let agent = Arc::clone(agent);
    match silence {
        WaitError::Timeout(limit) => ForwardError::ResponseTimeout { agent, limit },
        WaitError::HealthCheckFailed(after) => ForwardError::HealthCheckFailed { agent, after },
    }
}

/// Says in the span of the request, if it has such a field, which agent is asked.
fn name_agent(agent: &Agent) {
    tracing::Span::current().record("agent", agent.name());
}

/// The response as the client gets it, whose body gives its connection back at its end.
fn into_client_response<B>(
    mut response: Response<Incoming>,
    connection: Connection<UpstreamBody<B>>,
    path: Path,
    wanted: Option<Upgradeable>,
) -> Result<Response<ForwardBody<B>>, ForwardError> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return upgrade_response(response, connection, path, wanted);
    }
    headers::prepare_response(response.headers_mut(), connection.agent(), path);
    Ok(response.map(|body| ForwardBody::new(body, connection)))
}

/// The 101 of an agent, if one was wanted: its connection belongs to whoever gets it upgraded.
fn upgrade_response<B>(
    mut response: Response<Incoming>,
    connection: Connection<UpstreamBody<B>>,
    path: Path,
    wanted: Option<Upgradeable>,
) -> Result<Response<ForwardBody<B>>, ForwardError> {
    if wanted.is_none() {
        return Err(ForwardError::UnexpectedUpgrade { agent: Arc::clone(connection.agent()) });
    }
    headers::prepare_switching_response(response.headers_mut(), connection.agent(), path);
    connection.detach();
    Ok(response.map(ForwardBody::without_connection))
}

impl<C, D, B> Forward<C, D, B>
where
    C: Connect,
    D: Directory + Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    async fn forward(
        &self,
        resolved: UpstreamRequest<UpstreamBody<B>>,
    ) -> Result<Response<ForwardBody<B>>, ForwardError> {
        let UpstreamRequest {
            call,
            request,
            agent,
            mut fallbacks,
            mut path,
            relay_fallback,
            early_head,
        } = resolved;
        let wanted = request.extensions().get::<Upgradeable>().copied();
        let class = call.class(request.method(), request.uri(), wanted.is_some());
        let route = &call.route;
        // Nothing that others need is taken before the caller has sent what it has to say.
        let (head, body) = request.into_parts();
        let ahead = body.read_ahead().await.map_err(|source| upload_error(route, source))?;
        let mut request = Request::from_parts(head, ahead);
        let may_go_elsewhere = !fallbacks.is_empty() || relay_fallback == RelayFallback::Servers;
        let mut again = may_go_elsewhere.then(|| Retry::from_request(class, &request)).flatten();
        let lease = if request.body().is_complete() { lease(class) } else { Lease::Upload };
        let (mut connection, servers) =
            self.connect_or_relay(agent, &fallbacks, relay_fallback, lease).await.map_err(
                |(agent, source)| ForwardError::Connect { route: route.clone(), agent, source },
            )?;
        if let Some(servers) = servers {
            (fallbacks, path) = (servers, Path::Relay);
        }
        if let Some(early_head) = early_head.filter(|_| path != Path::Relay) {
            early_head.notify_connected(connection.agent(), path);
        }
        loop {
            name_agent(connection.agent());
            let outgoing = headers::prepare_request(request, connection.agent());
            match self.send(route, connection, outgoing, class.first_byte()).await {
                Ok(SendOutcome::Response(response, connection)) => {
                    return into_client_response(response, connection, path, wanted);
                }
                // Nothing of it was written, so that it may go another way.
                Ok(SendOutcome::Unsent(unsent, agent, source)) => {
                    if source.is_unreachable() {
                        fallbacks = self.fallbacks(&agent, fallbacks, path, relay_fallback);
                    }
                    let reached = self.connect_to_first(&fallbacks, lease).await;
                    connection = reached.ok_or(ForwardError::Reopen { agent, source })?;
                    request = unsent;
                    path = path.for_fallback();
                }
                Err(error) => {
                    if let ForwardError::ResponseTimeout { agent, .. } = &error {
                        self.directory.observe_timeout(agent);
                    }
                    // It was written, but it changes nothing: another one may answer it.
                    let gone = gone(&error, class, path).cloned();
                    let (Some(gone), Some(read)) = (gone, again.take()) else { return Err(error) };
                    fallbacks = self.fallbacks(&gone, fallbacks, path, relay_fallback);
                    connection = self.connect_to_first(&fallbacks, lease).await.ok_or(error)?;
                    request = read.into_request();
                    path = path.for_fallback();
                }
            }
        }
    }

    /// Sends the request. A connection that had been waiting may turn out closed; the request comes back unsent then
    /// and goes out once more on a new one.
    async fn send(
        &self,
        route: &Route,
        mut connection: Connection<UpstreamBody<B>>,
        mut request: Request<UpstreamBody<B>>,
        limit: FirstByte,
    ) -> Result<SendOutcome<B>, ForwardError> {
        loop {
            let since = WaitStart::new(request.body().progress());
            let agent = Arc::clone(connection.agent());
            let sent = connection.send(request);
            let answer =
                response_wait::wait_for_response(sent, &since, limit, || self.check_health(&agent))
                    .await;
            request = match answer.map_err(|silence| wait_error(&agent, silence))? {
                Ok(response) => return Ok(SendOutcome::Response(response, connection)),
                Err(SendError::Unsent(unsent, _)) if connection.is_reused() => *unsent,
                Err(SendError::Unsent(_, source) | SendError::Lost(source)) => {
                    return Err(connection_error(route, agent, source));
                }
            };
            match self.pool.reopen(connection).await {
                Ok(opened) => connection = opened,
                Err(source) => {
                    self.observe(&agent, Some(&source));
                    return Ok(SendOutcome::Unsent(request, agent, source));
                }
            }
        }
    }
}
