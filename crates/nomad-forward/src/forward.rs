//! FORWARD: connect, send, and stream the answer back.

mod again;
mod body;
mod error;
pub(crate) mod headers;
pub(crate) mod patience;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::timeout;
use tower_service::Service;

use self::again::Again;
pub use self::{again::Outgoing, body::ForwardBody, error::ForwardError};
use crate::{
    Agent, Error,
    connect::{Budget, Connect, ConnectError, Connection, Pool},
    directory::{Directory, Reachable},
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

impl<C, D, B> Service<Resolved<B>> for Forward<C, D, B>
where
    C: Connect,
    D: Directory + Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
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
    D: Directory,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    async fn forward(
        &self,
        resolved: Resolved<B>,
    ) -> Result<Response<ForwardBody<B>>, ForwardError> {
        let Resolved { route, request, agent, mut others, mut path, detour, early } = resolved;
        let patience = patience::first_byte(&route, request.uri());
        let mut request = request.map(Outgoing::new);
        let may_go_elsewhere = !others.is_empty() || detour == Detour::Servers;
        let mut again = may_go_elsewhere.then(|| Again::of(&route, &request)).flatten();
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
        let wanted = request.extensions().get::<Upgradeable>().copied();
        loop {
            let outgoing = headers::outgoing(request, connection.agent());
            match self.ask(connection, outgoing, patience).await {
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
                // It was written, but it changes nothing: another one may answer it.
                Err(ForwardError::Lost { agent, source }) => {
                    let lost = |agent| ForwardError::Lost { agent, source };
                    let Some(read) = again.take() else { return Err(lost(agent)) };
                    others = self.elsewhere(&agent, others, path, detour);
                    connection = self.reach_first(&others).await.ok_or_else(|| lost(agent))?;
                    request = read.into_request();
                    path = path.elsewhere();
                }
                Err(error) => return Err(error),
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
        patience: Option<Duration>,
    ) -> Result<Asked<B>, ForwardError> {
        loop {
            let sent = connection.send(request);
            let answer = match patience {
                Some(limit) => match timeout(limit, sent).await {
                    Ok(answer) => answer,
                    Err(_) => {
                        let agent = Arc::clone(connection.agent());
                        return Err(ForwardError::Silent { agent, limit });
                    }
                },
                None => sent.await,
            };
            let mut failed = match answer {
                Ok(response) => return Ok(Asked::Answered(response, connection)),
                Err(failed) => failed,
            };
            let agent = Arc::clone(connection.agent());
            request = match failed.take_message() {
                Some(unsent) if connection.is_reused() => unsent,
                _ => return Err(ForwardError::Lost { agent, source: failed.into_error() }),
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
