//! FORWARD: connect, send, and stream the answer back.

mod again;
mod body;
pub(crate) mod class;
mod error;
pub(crate) mod headers;
mod outgoing;
mod pace;
pub(crate) mod patience;
mod silence;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;
use tower_service::Service;

use self::{
    again::Again,
    class::Class,
    patience::Patience,
    silence::{Check, Silence, Since},
};
pub use self::{
    body::ForwardBody,
    error::ForwardError,
    outgoing::{Outgoing, UploadError},
};
use crate::{
    Agent, Error,
    connect::{Budget, Connect, ConnectError, Connection, Pool},
    directory::{Directory, Reachable},
    resolve::{Detour, Path, Resolved},
    tunnel::Upgradeable,
};

/// Every agent answers this to everybody, in one way or another.
const HEALTH: &str = "/v1/agent/health";

/// How long an agent has to say whether it is alive. A server waits for up to five seconds for a leader.
const HEALTH_LIMIT: Duration = Duration::from_secs(10);

/// As much of what it says is read.
const MAX_HEALTH: usize = 64 << 10;

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

impl<C, D, B> Service<Resolved<B>> for Forward<C, D, B>
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

    fn call(&mut self, resolved: Resolved<B>) -> Self::Future {
        let forward = self.clone();
        Box::pin(async move { forward.forward(resolved).await.map_err(Error::from) })
    }
}

/// The agent instead of which another one may be asked.
fn gone(error: &ForwardError, class: Class, path: Path) -> Option<&Arc<Agent>> {
    match error {
        ForwardError::Lost { agent, .. } => Some(agent),
        // A server would wait for the same silent agent, and a wait that is over is over for everybody.
        ForwardError::Silent { agent, .. } => {
            Some(agent).filter(|_| path != Path::Direct && class == Class::Read)
        }
        ForwardError::Connect { .. }
        | ForwardError::Reopen { .. }
        | ForwardError::Dead { .. }
        | ForwardError::Upload(_)
        | ForwardError::Switched { .. } => None,
    }
}

/// Why there was no answer on a connection that broke.
fn lost(agent: Arc<Agent>, source: hyper::Error) -> ForwardError {
    match UploadError::behind(&source) {
        Some(upload) => ForwardError::Upload(upload),
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
        resolved: Resolved<B>,
    ) -> Result<Response<ForwardBody<B>>, ForwardError> {
        let Resolved { route, request, agent, mut others, mut path, detour, early } = resolved;
        let wanted = request.extensions().get::<Upgradeable>().copied();
        let class = Class::of(&route, request.method(), request.uri(), wanted.is_some());
        // Nothing that others need is taken before the caller has sent what it has to say.
        let (head, body) = request.into_parts();
        let mut request = Request::from_parts(head, Outgoing::read_ahead(body).await?);
        let may_go_elsewhere = !others.is_empty() || detour == Detour::Servers;
        let mut again = may_go_elsewhere.then(|| Again::of(class, &request)).flatten();
        let mut connection = match self.reach_any(agent, &others).await {
            Ok(reached) => reached,
            Err((meant, source)) => {
                others = self.around(&meant, &source, detour);
                path = Path::Relay;
                self.reach_first(&others).await.ok_or(ForwardError::Connect {
                    route: route.clone(),
                    agent: meant,
                    source,
                })?
            }
        };
        if let Some(early) = early.filter(|_| path != Path::Relay) {
            early.tell(connection.agent(), path);
        }
        loop {
            let outgoing = headers::outgoing(request, connection.agent());
            match self.ask(connection, outgoing, Patience::with(class)).await {
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
                    let reached = self.reach_first(&others).await;
                    connection = reached.ok_or(ForwardError::Reopen { agent, source })?;
                    request = unsent;
                    path = path.elsewhere();
                }
                Err(error) => {
                    // It was written, but it changes nothing: another one may answer it.
                    let gone = gone(&error, class, path).cloned();
                    let (Some(gone), Some(read)) = (gone, again.take()) else { return Err(error) };
                    others = self.elsewhere(&gone, others, path, detour);
                    connection = self.reach_first(&others).await.ok_or(error)?;
                    request = read.into_request();
                    path = path.elsewhere();
                }
            }
        }
    }

    /// Who else can answer what this agent cannot: the other servers, or for an agent that was named the servers that
    /// pass calls on to it.
    fn elsewhere(
        &self,
        gone: &Agent,
        others: Vec<Arc<Agent>>,
        path: Path,
        detour: Detour,
    ) -> Vec<Arc<Agent>> {
        let mut servers = match (path, detour) {
            (Path::Direct, Detour::Servers) => self.directory.relays(gone),
            (Path::Direct, Detour::None) => Vec::new(),
            (Path::Relay | Path::Pass, _) => others,
        };
        servers.retain(|server| !server.is_same(gone));
        servers
    }

    /// The servers to ask instead of an agent that there is no way to.
    fn around(&self, agent: &Agent, error: &ConnectError, detour: Detour) -> Vec<Arc<Agent>> {
        match detour {
            Detour::Servers if error.is_unreachable() => self.directory.relays(agent),
            Detour::Servers | Detour::None => Vec::new(),
        }
    }

    async fn reach_first(&self, servers: &[Arc<Agent>]) -> Option<Connection<Outgoing<B>>> {
        let (first, others) = servers.split_first()?;
        self.reach_any(Arc::clone(first), others).await.ok()
    }

    /// A connection to the agent, or else to one of the others.
    async fn reach_any(
        &self,
        agent: Arc<Agent>,
        others: &[Arc<Agent>],
    ) -> Result<Connection<Outgoing<B>>, (Arc<Agent>, ConnectError)> {
        let mut failed = match self.reach(&agent).await {
            Ok(connection) => return Ok(connection),
            Err(error) => (agent, error),
        };
        for other in others {
            match self.reach(other).await {
                Ok(connection) => return Ok(connection),
                Err(error) => failed = (Arc::clone(other), error),
            }
        }
        Err(failed)
    }

    async fn reach(&self, agent: &Arc<Agent>) -> Result<Connection<Outgoing<B>>, ConnectError> {
        let taken = self.pool.take(agent).await;
        self.observe(agent, taken.as_ref().err());
        taken
    }

    fn observe(&self, agent: &Arc<Agent>, error: Option<&ConnectError>) {
        match error {
            None => self.directory.observe(agent, Reachable::Yes),
            Some(error) if error.is_unreachable() => {
                self.directory.observe(agent, Reachable::No);
            }
            // A crowd at an agent says that it can be reached.
            Some(_) => {}
        }
    }

    /// Sends the request. A connection that had been waiting may turn out closed; the request comes back unsent then
    /// and goes out once more on a new one.
    async fn ask(
        &self,
        mut connection: Connection<Outgoing<B>>,
        mut request: Request<Outgoing<B>>,
        patience: Patience,
    ) -> Result<Asked<B>, ForwardError> {
        loop {
            let since = Since::now(request.body().progress());
            let agent = Arc::clone(connection.agent());
            let sent = connection.send(request);
            let answer = silence::wait(sent, &since, patience, || self.check(&agent)).await;
            let mut failed = match answer.map_err(|silence| silent(&agent, silence))? {
                Ok(response) => return Ok(Asked::Answered(response, connection)),
                Err(failed) => failed,
            };
            request = match failed.take_message() {
                Some(unsent) if connection.is_reused() => unsent,
                _ => return Err(lost(agent, failed.into_error())),
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
    /// Asks an agent that is silent on one connection whether it is alive, on another one. No place for that says nothing.
    fn check(&self, agent: &Arc<Agent>) -> Check {
        let (forward, agent) = (self.clone(), Arc::clone(agent));
        Box::pin(async move {
            let asked = async {
                let connection = match forward.pool.take(&agent).await {
                    Ok(connection) => connection,
                    Err(error) => return !error.is_unreachable(),
                };
                let mut request = Request::new(Outgoing::empty());
                *request.uri_mut() = Uri::from_static(HEALTH);
                let request = headers::outgoing(request, &agent);
                match forward.ask(connection, request, Patience::Endless).await {
                    Ok(Asked::Answered(answer, connection)) => {
                        // Read to its end, so that the connection can be used again.
                        let body = ForwardBody::new(answer.into_body(), connection);
                        drop(Limited::new(body, MAX_HEALTH).collect().await);
                        true
                    }
                    Ok(Asked::Unsent(..)) | Err(_) => false,
                }
            };
            timeout(HEALTH_LIMIT, asked).await.unwrap_or(false)
        })
    }
}
