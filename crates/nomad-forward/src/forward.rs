//! FORWARD: connect, send, and stream the answer back.

mod body;
mod error;
mod headers;
mod patience;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::time::timeout;
use tower_service::Service;

pub use self::{body::ForwardBody, error::ForwardError};
use crate::{
    Agent, Error,
    connect::{Connect, Connection, Pool},
    directory::{Directory, Reachable},
    resolve::Resolved,
};

/// Sends a resolved request to its agent.
///
/// The answer's body passes as it comes. When it is dropped, because the caller went away, the connection to the
/// agent is closed at once.
#[derive(Debug)]
pub struct Forward<C, D, B> {
    pool: Pool<C, B>,
    directory: D,
}

impl<C: Clone, D: Clone, B> Clone for Forward<C, D, B> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), directory: self.directory.clone() }
    }
}

impl<C, D, B> Forward<C, D, B> {
    /// Forwards over connections made by `connect`; `directory` hears which agents could be reached.
    pub fn new(connect: C, directory: D) -> Self {
        Self { pool: Pool::new(connect), directory }
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
        let Resolved { route, request, agent, others, path } = resolved;
        let patience = patience::first_byte(&route, request.uri());
        let (connection, agent) = match self.reach_any(agent, &others).await {
            Ok(reached) => reached,
            Err((agent, source)) => return Err(ForwardError::Connect { route, agent, source }),
        };
        let request = headers::outgoing(request, &agent);
        let (mut response, connection) = self.ask(connection, &agent, request, patience).await?;
        headers::incoming(response.headers_mut(), &agent, path);
        Ok(response.map(|body| ForwardBody::new(body, connection)))
    }

    /// A connection to the agent, or else to one of the others.
    async fn reach_any(
        &self,
        agent: Arc<Agent>,
        others: &[Arc<Agent>],
    ) -> Result<(Connection<B>, Arc<Agent>), (Arc<Agent>, crate::connect::ConnectError)> {
        let mut failed = match self.reach(&agent).await {
            Ok(connection) => return Ok((connection, agent)),
            Err(error) => (agent, error),
        };
        for other in others {
            match self.reach(other).await {
                Ok(connection) => return Ok((connection, Arc::clone(other))),
                Err(error) => failed = (Arc::clone(other), error),
            }
        }
        Err(failed)
    }

    async fn reach(
        &self,
        agent: &Arc<Agent>,
    ) -> Result<Connection<B>, crate::connect::ConnectError> {
        let taken = self.pool.take(agent).await;
        self.directory.observe(agent, if taken.is_ok() { Reachable::Yes } else { Reachable::No });
        taken
    }

    /// Sends the request. A connection that had been waiting may turn out closed; the request comes back unsent then
    /// and goes out once more on a new one.
    async fn ask(
        &self,
        mut connection: Connection<B>,
        agent: &Arc<Agent>,
        mut request: Request<B>,
        patience: Option<Duration>,
    ) -> Result<(Response<Incoming>, Connection<B>), ForwardError> {
        loop {
            let sent = async {
                // It may still be finishing the answer before; when it is closed, the request comes back below.
                drop(connection.sender().ready().await);
                connection.sender().try_send_request(request).await
            };
            let answer = match patience {
                Some(limit) => match timeout(limit, sent).await {
                    Ok(answer) => answer,
                    Err(_) => return Err(ForwardError::Silent { agent: Arc::clone(agent), limit }),
                },
                None => sent.await,
            };
            match answer {
                Ok(response) => return Ok((response, connection)),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if connection.is_reused() => {
                        request = unsent;
                        let opened = self.pool.open(agent).await;
                        connection = opened.map_err(|source| ForwardError::Reopen {
                            agent: Arc::clone(agent),
                            source,
                        })?;
                    }
                    _ => {
                        let source = failed.into_error();
                        return Err(ForwardError::Lost { agent: Arc::clone(agent), source });
                    }
                },
            }
        }
    }
}
