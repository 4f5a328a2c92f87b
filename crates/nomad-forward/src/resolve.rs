//! RESOLVE: how is that agent reached, and how must it be asked?

mod layer;

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Uri, uri::PathAndQuery};
use nomad_acl::{Admitted, Known};
use nomad_wire::{Query, Route};
use tower_service::Service;

pub use self::layer::ResolveLayer;
use crate::{
    Agent, Target,
    address::{AddressError, Addressed},
    agent::Identity,
    directory::Place,
    future::ResponseFuture,
};

/// How an answer comes about; the value of `X-Nomad-Gateway-Path`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Path {
    /// The agent that was named answers itself.
    Direct,
    /// No agent was named: any that can answer does.
    Pass,
}

impl Path {
    /// The header's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Pass => "pass",
        }
    }
}

/// A request that is ready to be sent.
#[derive(Debug)]
pub struct Resolved<B> {
    /// The call.
    pub route: Route,
    /// The request; its URI names the target the way the agent understands it.
    pub request: Request<B>,
    /// The agent to ask.
    pub agent: Arc<Agent>,
    /// Agents to ask instead when no connection to it can be made.
    pub others: Vec<Arc<Agent>>,
    /// How the answer comes about.
    pub path: Path,
}

/// Hands an admitted request on as [`Resolved`].
#[derive(Debug, Clone)]
pub struct Resolve<S> {
    inner: S,
}

impl<S> Resolve<S> {
    /// Resolves for `inner`.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B> Service<Admitted<Addressed<B>>> for Resolve<S>
where
    S: Service<Resolved<B>>,
    S::Error: From<AddressError>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, AddressError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, admitted: Admitted<Addressed<B>>) -> Self::Future {
        let (known, target, place) = admitted.into_question().into_parts();
        match place {
            Ok(place) => ResponseFuture::calling(self.inner.call(resolved(known, &target, place))),
            Err(error) => ResponseFuture::failed(error),
        }
    }
}

fn resolved<B>(known: Known<B>, target: &Target, place: Place) -> Resolved<B> {
    let Known { route, mut request, .. } = known;
    let Place { agent, others, .. } = place;
    if let Some(uri) = spelled_out(request.uri(), target, &agent) {
        *request.uri_mut() = uri;
    }
    let path = match target {
        Target::AnyServer | Target::AnyClient => Path::Pass,
        Target::Node(_) | Target::Leader | Target::Server(_) | Target::Allocation(_) => {
            Path::Direct
        }
    };
    Resolved { route, request, agent, others, path }
}

/// The URI with the target's full name, where a bare name or the beginning of an id was written: agents understand
/// nothing less. The id stays in the query, so that a wrong guess heals itself: the wrong agent relays.
fn spelled_out(uri: &Uri, target: &Target, agent: &Agent) -> Option<Uri> {
    let key = target.key()?;
    let full = match agent.identity() {
        Identity::Client(id) => id.as_str().to_owned(),
        Identity::Server(_) => agent.name().to_owned(),
    };
    let written = target.written();
    let is_id = matches!(agent.identity(), Identity::Server(id) if id.as_str() == written);
    if written == full || is_id {
        return None;
    }
    let query = Query::of(uri).with(key, &full);
    let path_and_query = PathAndQuery::try_from(format!("{}?{query}", uri.path())).ok()?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use nomad_wire::Region;

    use super::*;

    fn spelled(uri: &str, target: &Target, agent: &Agent) -> Option<String> {
        spelled_out(&uri.parse().unwrap(), target, agent).map(|uri| uri.to_string())
    }

    #[test]
    fn agents_are_asked_by_full_name() {
        let id = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";
        let address = ([127, 0, 0, 1], 4646).into();
        let server =
            Agent::server("server1", id.parse().unwrap(), Region::default(), address).unwrap();
        let client =
            Agent::client("client1", id.parse().unwrap(), Region::default(), address).unwrap();
        let by_name = |name: &str| Target::Server(name.into());
        assert_eq!(
            spelled("/v1/agent/host?pretty&server_id=server1", &by_name("server1"), &server)
                .unwrap(),
            "/v1/agent/host?pretty&server_id=server1.global"
        );
        assert_eq!(
            spelled("/v1/agent/host?server_id=x", &by_name("server1.global"), &server),
            None
        );
        assert_eq!(spelled("/v1/agent/host?server_id=x", &by_name(id), &server), None);
        assert_eq!(
            spelled("/v1/client/stats?node_id=0783", &Target::Node("0783".into()), &client)
                .unwrap(),
            format!("/v1/client/stats?node_id={id}")
        );
        assert_eq!(spelled("/v1/agent/host?server_id=leader", &Target::Leader, &server), None);
    }
}
