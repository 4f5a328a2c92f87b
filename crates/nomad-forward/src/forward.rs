//! FORWARD: connect, send, and stream the answer back.

mod again;
mod body;
mod check;
mod error;
pub mod forwarded;
pub(crate) mod headers;
mod lease;
mod reach;
mod silence;

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

use self::{
    again::Again,
    lease::lease,
    reach::gone,
    silence::{Silence, Since},
};
pub use self::{
    body::{BodyError, ForwardBody},
    error::ForwardError,
    forwarded::ForwardedFor,
};
use crate::{
    Agent, Error,
    connect::{Budget, Connect, ConnectError, Connection, Lease, Pool, SendError},
    credit::{Unnamed, conceal},
    directory::Directory,
    outgoing::{Outgoing, UploadError},
    resolve::{Detour, Path, Resolved},
    tunnel::Upgradeable,
};

/// What became of a request that had a connection.
enum Asked<B> {
    /// The answer, and the connection that its body comes over.
    Answered(Response<Incoming>, Connection<Outgoing<B>>),
    /// The kept connection to this agent was closed before anything was written, and there is no new one.
    Unsent(Request<Outgoing<B>>, Arc<Agent>, ConnectError),
}

/// Sends a resolved request to its agent.
///
/// The answer's body passes as it comes. When it is dropped, because the caller went away, the connection to the
/// agent is closed at once.
#[derive(Debug)]
pub struct Forward<C: Connect, D, B> {
    pool: Pool<C, Outgoing<B>>,
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
    pub fn budget(self, budget: Budget) -> Self {
        Self { pool: self.pool.budget(budget), directory: self.directory }
    }
}

impl<C, D, B> Service<Resolved<Outgoing<B>>> for Forward<C, D, B>
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

    fn call(&mut self, resolved: Resolved<Outgoing<B>>) -> Self::Future {
        let forward = self.clone();
        Box::pin(async move {
            let is_unnamed = resolved.request.extensions().get::<Unnamed>().is_some();
            let mut response = forward.forward(resolved).await?;
            if is_unnamed {
                conceal(&mut response);
            }
            Ok(response)
        })
    }
}

fn upload(route: &Route, source: UploadError) -> ForwardError {
    ForwardError::Upload { route: route.clone(), source }
}

/// Why there was no answer on a connection that broke.
fn lost(route: &Route, agent: Arc<Agent>, source: hyper::Error) -> ForwardError {
    match UploadError::behind(&source) {
        Some(source) => upload(route, source),
        None => ForwardError::Lost { agent, source },
    }
}

/// Why an agent's answer is waited for no longer.
fn silent(agent: &Arc<Agent>, silence: Silence) -> ForwardError {
    let agent = Arc::clone(agent);
    match silence {
        Silence::Over(limit) => ForwardError::Silent { agent, limit },
        Silence::Dead(after) => ForwardError::Dead { agent, after },
    }
}

/// Says in the span of the request, if it has such a field, which agent is asked.
fn name_agent(agent: &Agent) {
    tracing::Span::current().record("agent", agent.name());
}

/// The 101 of an agent, if one was wanted: its connection belongs to whoever gets it upgraded.
fn switched<B>(
    mut response: Response<Incoming>,
    connection: Connection<Outgoing<B>>,
    path: Path,
    wanted: Option<Upgradeable>,
) -> Result<Response<ForwardBody<B>>, ForwardError> {
    if wanted.is_none() {
        return Err(ForwardError::Switched { agent: Arc::clone(connection.agent()) });
    }
    headers::switching(response.headers_mut(), connection.agent(), path);
    connection.let_go();
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
        resolved: Resolved<Outgoing<B>>,
    ) -> Result<Response<ForwardBody<B>>, ForwardError> {
        let Resolved { call, request, agent, mut others, mut path, detour, early } = resolved;
        let wanted = request.extensions().get::<Upgradeable>().copied();
        let class = call.class(request.method(), request.uri(), wanted.is_some());
        let route = &call.route;
        // Nothing that others need is taken before the caller has sent what it has to say.
        let (head, body) = request.into_parts();
        let ahead = body.read_ahead().await.map_err(|source| upload(route, source))?;
        let mut request = Request::from_parts(head, ahead);
        let may_go_elsewhere = !others.is_empty() || detour == Detour::Servers;
        let mut again = may_go_elsewhere.then(|| Again::of(class, &request)).flatten();
        let lease = if request.body().is_here() { lease(class) } else { Lease::Upload };
        let mut connection = match self.reach_any(agent, &others, lease).await {
            Ok(reached) => reached,
            Err(failed) => {
                let reached = self.reach_around(failed, detour, lease).await;
                let (reached, servers) = reached.map_err(|(agent, source)| {
                    ForwardError::Connect { route: route.clone(), agent, source }
                })?;
                if let Some(servers) = servers {
                    (others, path) = (servers, Path::Relay);
                }
                reached
            }
        };
        if let Some(early) = early.filter(|_| path != Path::Relay) {
            early.tell(connection.agent(), path);
        }
        loop {
            name_agent(connection.agent());
            let outgoing = headers::outgoing(request, connection.agent());
            match self.ask(route, connection, outgoing, class.first_byte()).await {
                Ok(Asked::Answered(mut response, connection)) => {
                    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                        return switched(response, connection, path, wanted);
                    }
                    headers::incoming(response.headers_mut(), connection.agent(), path);
                    return Ok(response.map(|body| ForwardBody::new(body, connection)));
                }
                // Nothing of it was written, so that it may go another way.
                Ok(Asked::Unsent(unsent, agent, source)) => {
                    if source.is_unreachable() {
                        others = self.elsewhere(&agent, others, path, detour);
                    }
                    let reached = self.reach_first(&others, lease).await;
                    connection = reached.ok_or(ForwardError::Reopen { agent, source })?;
                    request = unsent;
                    path = path.elsewhere();
                }
                Err(error) => {
                    if let ForwardError::Silent { agent, .. } = &error {
                        self.directory.observe_silence(agent);
                    }
                    // It was written, but it changes nothing: another one may answer it.
                    let gone = gone(&error, class, path).cloned();
                    let (Some(gone), Some(read)) = (gone, again.take()) else { return Err(error) };
                    others = self.elsewhere(&gone, others, path, detour);
                    connection = self.reach_first(&others, lease).await.ok_or(error)?;
                    request = read.into_request();
                    path = path.elsewhere();
                }
            }
        }
    }

    /// Sends the request. A connection that had been waiting may turn out closed; the request comes back unsent then
    /// and goes out once more on a new one.
    async fn ask(
        &self,
        route: &Route,
        mut connection: Connection<Outgoing<B>>,
        mut request: Request<Outgoing<B>>,
        limit: FirstByte,
    ) -> Result<Asked<B>, ForwardError> {
        loop {
            let since = Since::now(request.body().progress());
            let agent = Arc::clone(connection.agent());
            let sent = connection.send(request);
            let answer = silence::wait(sent, &since, limit, || self.check(&agent)).await;
            request = match answer.map_err(|silence| silent(&agent, silence))? {
                Ok(response) => return Ok(Asked::Answered(response, connection)),
                Err(SendError::Unsent(unsent, _)) if connection.is_reused() => *unsent,
                Err(SendError::Unsent(_, source) | SendError::Lost(source)) => {
                    return Err(lost(route, agent, source));
                }
            };
            match self.pool.reopen(connection).await {
                Ok(opened) => connection = opened,
                Err(source) => {
                    self.observe(&agent, Some(&source));
                    return Ok(Asked::Unsent(request, agent, source));
                }
            }
        }
    }
}
