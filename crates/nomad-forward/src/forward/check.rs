//! Asking an agent that is silent whether it is alive.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Limited};
use nomad_wire::{Route, call::FirstByte};
use tokio::time::timeout;

use super::{Asked, Forward, ForwardBody, headers, silence::Check};
use crate::{
    Agent,
    connect::{Connect, Lease},
    directory::Directory,
    outgoing::Outgoing,
};

/// Every agent answers this to everybody, in one way or another.
const HEALTH: &str = "/v1/agent/health";

/// How long an agent has to say whether it is alive. A server waits for up to five seconds for a leader.
const HEALTH_LIMIT: Duration = Duration::from_secs(10);

/// As much of what it says is read.
const MAX_HEALTH: usize = 64 << 10;

impl<C, D, B> Forward<C, D, B>
where
    C: Connect,
    D: Directory + Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Asks an agent that is silent on one connection whether it is alive, on another one. No place for that says nothing.
    pub(super) fn check(&self, agent: &Arc<Agent>) -> Check {
        let (forward, agent) = (self.clone(), Arc::clone(agent));
        Box::pin(async move {
            let asked = async {
                let connection = match forward.pool.take_now(&agent, Lease::Short).await {
                    Ok(connection) => connection,
                    Err(error) => return !error.is_unreachable(),
                };
                let mut request = Request::new(Outgoing::empty());
                *request.uri_mut() = Uri::from_static(HEALTH);
                let request = headers::outgoing(request, &agent);
                match forward.ask(&Route::Health, connection, request, FirstByte::Endless).await {
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
