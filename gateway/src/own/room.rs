//! The calls that need a right, and health, which needs none.

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
    Decision, Denied, Identify, Known, Level, Reason, RegionScope, Requirement, Right, Subject,
};
use nomad_forward::{
    Belief, Directory, Error, Rescue, address::AddressError, directory::Sight, rescue::RescuedBody,
};
use nomad_wire::{Query, QueryError};
use serde_json::{Value, json};
use tower_service::Service;

use super::PREFIX;
use crate::{
    Stop,
    telemetry::{Exposition, Metrics},
};

/// What the calls demand.
const AGENT_READ: Requirement = Requirement::all(&[&[Right::Agent(Level::Read)]]);

/// The future of a call that needs a right.
pub(super) type Asking<D, T, B> =
    <Rescue<Identify<Room<D>, T>> as Service<http::Request<B>>>::Future;

/// Answers `metrics` and `fleet`.
#[derive(Debug, Clone)]
pub struct Room<D> {
    directory: D,
    metrics: Arc<Metrics>,
}

impl<D> Room<D> {
    pub(super) const fn new(directory: D, metrics: Arc<Metrics>) -> Self {
        Self { directory, metrics }
    }
}

impl<D: Directory, B> Service<Known<B>> for Room<D> {
    type Response = Response<Full<Bytes>>;
    type Error = Error;
    type Future = Ready<Result<Self::Response, Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, known: Known<B>) -> Self::Future {
        ready(self.decided(&known))
    }
}

impl<D: Directory> Room<D> {
    fn decided<B>(&self, known: &Known<B>) -> Result<Response<Full<Bytes>>, Error> {
        if Query::of(known.request.uri()).is_repeated("region") {
            return Err(AddressError::from(QueryError::Repeated("region")).into());
        }
        let acl = known.acl.within(&RegionScope::Own)?;
        match acl.allows(&AGENT_READ, &Subject::Agent) {
            Decision::Allow(_) => {
                Ok(self.answer(known.request.uri().path(), known.request.headers()))
            }
            Decision::Deny(reason) => Err(Denied { reason }.into()),
            // Nobody behind could decide about it.
            Decision::Defer { missing } => {
                Err(Denied { reason: Reason::Undecided { missing } }.into())
            }
        }
    }

    fn answer(&self, path: &str, asked: &HeaderMap) -> Response<Full<Bytes>> {
        if path.strip_prefix(PREFIX) == Some("metrics") {
            let exposition = Exposition::negotiate(asked);
            let text = self.metrics.exposed(exposition);
            let mut response = typed(exposition.content_type(), text);
            response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
            return response;
        }
        let agents: Vec<Value> = self.directory.fleet().iter().map(told).collect();
        typed("application/json", json!({ "agents": agents }).to_string())
    }
}

/// What is believed about one agent.
fn told(belief: &Belief) -> Value {
    let agent = belief.agent.as_ref();
    json!({
        "name": &*belief.name,
        "role": if belief.is_server { "server" } else { "client" },
        "id": belief.id,
        "region": agent.map(|agent| agent.region().as_str()),
        "address": agent.map(|agent| agent.endpoint().to_string()),
        "standing": belief.standing.as_str(),
        "why": &*belief.why,
    })
}

/// Whether the gateway serves. Open to everybody: a balancer has no token. What the gateway lacks is no reason to take it
/// out of service: it goes on with what callers may know themselves, and another gateway lacks the same.
pub(super) fn health(stop: &Stop, sight: Sight) -> Response<RescuedBody<Full<Bytes>>> {
    let (status, ok, message) = if stop.is_announced() {
        (StatusCode::SERVICE_UNAVAILABLE, false, "draining".to_owned())
    } else {
        let message = match sight {
            Sight::NoAnswer | Sight::TokenRefused => format!("degraded: {}", sight.why()),
            // A gateway without a token of its own may be meant.
            _ => "ok".to_owned(),
        };
        (StatusCode::OK, true, message)
    };
    let body = json!({ "gateway": { "ok": ok, "message": message } });
    let mut response = typed("application/json", body.to_string());
    *response.status_mut() = status;
    response
}

fn typed<B: From<Bytes>>(kind: &'static str, text: String) -> Response<B> {
    let mut response = Response::new(B::from(Bytes::from(text)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
