//! `select`: chooses the upstream agent, the path and the fallbacks of a request.

mod layer;

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Uri, uri::PathAndQuery};
use nomad_acl::{Admitted, Identified, RegionScope, RegionalAcl, Requirement, Subject};
use nomad_wire::{Call, Query, Route, ServerId, Target, spec::Relay};
use tower_service::Service;

pub use self::layer::SelectLayer;
use crate::{
    Agent,
    directory::{DirectoryError, Location, RelayTarget, Via},
    layers::{
        early_response::EarlyHead,
        future::ResponseFuture,
        locate::{LocateError, Located},
        relay,
    },
};

/// How an answer comes about; the value of `X-Nomad-Gateway-Path`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Path {
    /// The agent that was named answers itself.
    Direct,
    /// A server passes it on to the agent that was named.
    Relay,
    /// No agent was named: any that can answer does.
    Pass,
}

impl Path {
    /// The header's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relay => "relay",
            Self::Pass => "pass",
        }
    }

    /// What it is when a server answers instead.
    pub(crate) const fn for_fallback(self) -> Self {
        match self {
            Self::Direct | Self::Relay => Self::Relay,
            Self::Pass => Self::Pass,
        }
    }
}

/// A request that is ready to be sent.
#[derive(Debug)]
pub struct UpstreamRequest<B> {
    /// The call.
    pub call: Call,
    /// The request; its URI names the target the way the agent understands it.
    pub request: Request<B>,
    /// The agent to ask.
    pub agent: Arc<Agent>,
    /// Agents to ask instead when no connection to it can be made.
    pub fallbacks: Vec<Arc<Agent>>,
    /// How the answer comes about.
    pub path: Path,
    /// What to do when no connection to any of them can be made.
    pub relay_fallback: RelayFallback,
    /// For a stream whose head may go before its first byte.
    pub early_head: Option<EarlyHead>,
}

/// What is done when there is no way to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is one way around, or none")]
pub enum RelayFallback {
    /// Nothing: nobody else can answer this call.
    None,
    /// A server passes the call on.
    Servers,
}

/// Hands an admitted request on as [`UpstreamRequest`].
#[derive(Debug, Clone)]
pub struct Select<S> {
    inner: S,
}

impl<S> Select<S> {
    /// Resolves for `inner`.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B> Service<Admitted<Located<B>>> for Select<S>
where
    S: Service<UpstreamRequest<B>>,
    S::Error: From<LocateError>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, LocateError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, admitted: Admitted<Located<B>>) -> Self::Future {
        let mut addressed = admitted.into_inner();
        addressed.conceal_upstream();
        let (known, place) = addressed.into_parts();
        match place {
            Ok(place) => match select_upstream(known, place) {
                Ok(resolved) => ResponseFuture::calling(self.inner.call(resolved)),
                Err(error) => ResponseFuture::failed(error),
            },
            Err(error) => ResponseFuture::failed(error),
        }
    }
}

fn select_upstream<B>(
    known: Identified<B>,
    place: Location,
) -> Result<UpstreamRequest<B>, LocateError> {
    let Identified { call, mut request, acl, .. } = known;
    let (route, target) = (&call.route, call.target.as_ref().map_err(Clone::clone)?);
    let passes_on = relay::is_relayable(route, target);
    let Location { agent, fallbacks: others, via: way, subject, region } = place;
    let spelled = |full: &str| with_full_name(request.uri(), route, target, full);
    let (agent, others, uri, is_relayed) = match way {
        Via::Direct => {
            let uri = agent.full_name().and_then(spelled);
            (agent, others, uri, false)
        }
        // Nobody else can answer it, so that the agent is tried whatever was the case a moment ago.
        Via::Relay(RelayTarget::Agent(meant)) if !passes_on => {
            let uri = meant.full_name().and_then(spelled);
            (meant, Vec::new(), uri, false)
        }
        Via::Relay(_) if !passes_on => {
            let (route, source) = (route.clone(), no_path(target));
            return Err(LocateError::Directory { route, source });
        }
        Via::Relay(RelayTarget::Agent(meant)) => {
            (agent, others, meant.full_name().and_then(spelled), true)
        }
        Via::Relay(RelayTarget::Server(name)) => (agent, others, spelled(&name), true),
        Via::Relay(RelayTarget::Node(id)) => (agent, others, spelled(id.as_str()), true),
        Via::Relay(RelayTarget::Unknown) => (agent, others, None, true),
    };
    if let Some(uri) = uri.or_else(|| without_repeated_keys(request.uri())) {
        *request.uri_mut() = uri;
    }
    let path = match (target.is_explicit(), is_relayed) {
        (false, _) => Path::Pass,
        (true, true) => Path::Relay,
        (true, false) => Path::Direct,
    };
    let detour =
        if passes_on && !is_relayed { RelayFallback::Servers } else { RelayFallback::None };
    let early = if is_relayed { None } else { EarlyHead::of(&call, &request) };
    let early = early.filter(|_| is_decided_here(&acl, &region, route, &subject));
    Ok(UpstreamRequest {
        call,
        request,
        agent,
        fallbacks: others,
        path,
        relay_fallback: detour,
        early_head: early,
    })
}

/// Whether the decision was made here, so that the agent will hardly make another one.
fn is_decided_here(
    acl: &RegionalAcl,
    region: &RegionScope,
    route: &Route,
    subject: &Subject,
) -> bool {
    acl.for_region(region)
        .is_ok_and(|acl| acl.allows(&Requirement::for_route(route), subject).is_allowed())
}

fn no_path(target: &Target) -> DirectoryError {
    match target {
        Target::Leader | Target::Server(_) => {
            DirectoryError::NoPathToServer(target.as_written().into())
        }
        Target::Node(_)
        | Target::Allocation(_)
        | Target::AnyServer
        | Target::AnyClient
        | Target::SoleServer
        | Target::SoleClient => DirectoryError::NoPathToNode,
    }
}

/// The URI with the target's full name, where a bare name or the beginning of an id was written: agents understand
/// nothing less. The id stays in the query, so that a wrong guess heals itself: the wrong agent relays.
fn with_full_name(uri: &Uri, route: &Route, target: &Target, full: &str) -> Option<Uri> {
    let key = match target {
        // It is not passed on, so that the leader had better not take itself for another server.
        Target::Leader if route.spec().target.relay == Relay::NodeAndMistakesServer => "server_id",
        target => target.query_key()?,
    };
    let query = Query::from_uri(uri);
    // A server understands its own id as well as its name. What stands under another key is not read at all.
    let is_understood = query.non_empty(key).is_some_and(|written| {
        written == full || (key == "server_id" && written.parse::<ServerId>().is_ok())
    });
    if is_understood {
        return None;
    }
    let query = query.with_param(key, full);
    with_query(
        uri,
        Query::new(&query).without_repeated_keys(&Target::KEYS).as_deref().unwrap_or(&query),
    )
}

/// The URI with each deciding key standing once, if one is repeated: whoever reads it next takes what was taken here.
fn without_repeated_keys(uri: &Uri) -> Option<Uri> {
    with_query(uri, &Query::from_uri(uri).without_repeated_keys(&Target::KEYS)?)
}

fn with_query(uri: &Uri, query: &str) -> Option<Uri> {
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
        let uri: Uri = uri.parse().unwrap();
        let route = Route::parse(&http::Method::GET, &uri).unwrap();
        let full = agent.full_name().unwrap();
        with_full_name(&uri, &route, target, full).map(|uri| uri.to_string())
    }

    #[test]
    fn upstream_requests_name_agents_by_full_name() {
        let id = "078367fb-eec8-87bf-8d99-0c0a5e3f7c7c";
        let address = crate::Endpoint::host("agent", 4646);
        let server =
            Agent::server("server1", id.parse().unwrap(), Region::default(), address.clone())
                .unwrap();
        let client =
            Agent::client("client1", id.parse().unwrap(), Region::default(), address).unwrap();
        let by_name = |name: &str| Target::Server(name.into());
        assert_eq!(
            spelled("/v1/agent/host?pretty&server_id=server1", &by_name("server1"), &server)
                .unwrap(),
            "/v1/agent/host?pretty&server_id=server1.global"
        );
        assert_eq!(
            spelled("/v1/agent/host?server_id=server1.global", &by_name("server1.global"), &server),
            None
        );
        let by_id = format!("/v1/agent/host?server_id={id}");
        assert_eq!(spelled(&by_id, &by_name(id), &server), None);
        assert_eq!(
            spelled("/v1/agent/monitor?client_id=0783", &Target::Node("0783".into()), &client)
                .unwrap(),
            format!("/v1/agent/monitor?client_id=0783&node_id={id}")
        );
        assert_eq!(
            spelled("/v1/agent/monitor/export?server_id=leader", &Target::Leader, &server).unwrap(),
            "/v1/agent/monitor/export?server_id=server1.global"
        );
        assert_eq!(
            spelled("/v1/client/stats?node_id=0783", &Target::Node("0783".into()), &client)
                .unwrap(),
            format!("/v1/client/stats?node_id={id}")
        );
        assert_eq!(spelled("/v1/agent/host?server_id=leader", &Target::Leader, &server), None);
    }
}
