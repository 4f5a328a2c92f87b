//! The admin endpoints that need a capability, and health, which needs none.

use std::{
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, VARY},
};
use http_body_util::Full;
use nomad_acl::{
    AccessLevel, Capability, Decision, DenyReason, Identified, Identify, PermissionDenied,
    RegionScope, Requirement, Subject,
};
use nomad_forward::{
    AgentHealth, Directory, Error, Rescue, directory::DiscoveryStatus, locate::LocateError,
    rescue::RescueBody,
};
use nomad_wire::{Query, QueryError};
use serde_json::{Value, json};
use tower_service::Service;

use super::PATH_PREFIX;
use crate::{
    Shutdown,
    telemetry::{ExpositionFormat, Metrics},
};

/// What the calls demand.
const AGENT_READ: Requirement = Requirement::new(&[&[Capability::Agent(AccessLevel::Read)]]);

/// The future of a call that needs a right.
pub(super) type EndpointsFuture<D, T, B> =
    <Rescue<Identify<Endpoints<D>, T>> as Service<http::Request<B>>>::Future;

/// Answers `metrics` and `fleet`.
#[derive(Debug, Clone)]
pub struct Endpoints<D> {
    directory: D,
    metrics: Arc<Metrics>,
}

impl<D> Endpoints<D> {
    pub(super) const fn new(directory: D, metrics: Arc<Metrics>) -> Self {
        Self { directory, metrics }
    }
}

impl<D: Directory, B> Service<Identified<B>> for Endpoints<D> {
    type Response = Response<Full<Bytes>>;
    type Error = Error;
    type Future = Ready<Result<Self::Response, Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, known: Identified<B>) -> Self::Future {
        ready(self.authorize_and_respond(&known))
    }
}

impl<D: Directory> Endpoints<D> {
    fn authorize_and_respond<B>(
        &self,
        known: &Identified<B>,
    ) -> Result<Response<Full<Bytes>>, Error> {
        if Query::from_uri(known.request.uri()).is_repeated("region") {
            return Err(LocateError::from(QueryError::Repeated("region")).into());
        }
        let acl = known.acl.for_region(&RegionScope::Own)?;
        match acl.allows(&AGENT_READ, &Subject::Agent) {
            Decision::Allow(_) => {
                Ok(self.respond(known.request.uri().path(), known.request.headers()))
            }
            Decision::Deny(reason) => Err(PermissionDenied { reason }.into()),
            // Nobody behind could decide about it.
            Decision::Defer { missing } => {
                Err(PermissionDenied { reason: DenyReason::Deferred { missing } }.into())
            }
        }
    }

    fn respond(&self, path: &str, asked: &HeaderMap) -> Response<Full<Bytes>> {
        if path.strip_prefix(PATH_PREFIX) == Some("metrics") {
            let exposition = ExpositionFormat::negotiate(asked);
            let text = self.metrics.encode_as(exposition);
            let mut response = response_of_type(exposition.content_type(), text);
            response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
            return response;
        }
        let agents: Vec<Value> = self.directory.agent_health().iter().map(agent_json).collect();
        response_of_type("application/json", json!({ "agents": agents }).to_string())
    }
}

/// What is believed about one agent.
fn agent_json(belief: &AgentHealth) -> Value {
    let agent = belief.agent.as_ref();
    json!({
        "name": &*belief.name,
        "role": if belief.is_server { "server" } else { "client" },
        "id": belief.id,
        "region": agent.map(|agent| agent.region().as_str()),
        "address": agent.map(|agent| agent.endpoint().to_string()),
        "standing": belief.state.as_str(),
        "why": &*belief.reason,
    })
}

/// Whether the gateway serves. Open to everybody: a balancer has no token. What the gateway lacks is no reason to take it
/// out of service: it goes on with what callers may know themselves, and another gateway lacks the same.
pub(super) fn health_response(
    stop: &Shutdown,
    sight: DiscoveryStatus,
) -> Response<RescueBody<Full<Bytes>>> {
    let (status, ok, message) = if stop.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, false, "draining".to_owned())
    } else {
        let message = match sight {
            DiscoveryStatus::NoResponse | DiscoveryStatus::TokenRefused => {
                format!("degraded: {}", sight.reason())
            }
            // A gateway without a token of its own may be meant.
            _ => "ok".to_owned(),
        };
        (StatusCode::OK, true, message)
    };
    let body = json!({ "gateway": { "ok": ok, "message": message } });
    let mut response = response_of_type("application/json", body.to_string());
    *response.status_mut() = status;
    response
}

fn response_of_type<B: From<Bytes>>(kind: &'static str, text: String) -> Response<B> {
    let mut response = Response::new(B::from(Bytes::from(text)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
