//! Probes an agent that is silent.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Limited};
use nomad_wire::{Route, call::FirstByte};
use tokio::time::timeout;

use super::{Forward, ForwardBody, SendOutcome, headers, response_wait::HealthCheck};
use crate::{
    Agent,
    connect::{Connect, Lease},
    directory::Directory,
    layers::upstream_body::UpstreamBody,
};

/// Every agent answers this to everybody, in one way or another.
const HEALTH_PATH: &str = "/v1/agent/health";

/// How long an agent has to say whether it is alive. A server waits for up to five seconds for a leader.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(10);

/// As much of what it says is read.
const MAX_HEALTH_BYTES: usize = 64 << 10;

impl<C, D, B> Forward<C, D, B>
where
    C: Connect,
    D: Directory + Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Asks an agent that is silent on one connection whether it is alive, on another one. No place for that says nothing.
    pub(super) fn check_health(&self, agent: &Arc<Agent>) -> HealthCheck {
        let (forward, agent) = (self.clone(), Arc::clone(agent));
        Box::pin(async move {
            let asked = async {
                let connection = match forward.pool.try_checkout(&agent, Lease::Short).await {
                    Ok(connection) => connection,
                    Err(error) => return !error.is_unreachable(),
                };
                let mut request = Request::new(UpstreamBody::empty());
                *request.uri_mut() = Uri::from_static(HEALTH_PATH);
                let request = headers::prepare_request(request, &agent);
                match forward.send(&Route::Health, connection, request, FirstByte::Endless).await {
                    Ok(SendOutcome::Response(answer, connection)) => {
                        // Read to its end, so that the connection can be used again.
                        let body = ForwardBody::new(answer.into_body(), connection);
                        drop(Limited::new(body, MAX_HEALTH_BYTES).collect().await);
                        true
                    }
                    Ok(SendOutcome::Unsent(..)) | Err(_) => false,
                }
            };
            timeout(HEALTH_TIMEOUT, asked).await.unwrap_or(false)
        })
    }
}
