//! The whole chain, from a request to an answer in any case.

use bytes::Bytes;
use nomad_acl::{Admit, Identify, OnDefer, Tokens};

use crate::{
    Coalesce, CoalescedRequests, ConnectionLimits, EarlyResponse, Forward, Harden, Locate, Rescue,
    Select, StatusFix,
    connect::Connect,
    directory::Directory,
    layers::{forward::ForwardBody, rescue::DenialDetail},
};

/// The chain that [`forwarder`] builds.
pub type Forwarder<C, D, T, B> = AuthorizedStack<Select<UpstreamStack<C, D, B>>, D, T>;

/// The chain that [`authorized_stack`] builds.
pub type AuthorizedStack<S, D, T> = Rescue<Identify<Locate<Harden<Admit<S>>, D>, T>>;

/// The rooms behind RESOLVE, which ask the agent.
pub type UpstreamStack<C, D, B> =
    EarlyResponse<StatusFix<Coalesce<Forward<C, D, B>, ForwardBody<B>>>>;

/// What is bounded on the way.
#[derive(Debug, Clone, Default)]
#[expect(clippy::exhaustive_structs, reason = "a plain record of settings, each with a default")]
pub struct StackLimits {
    /// How many connections one agent gets.
    pub connection_limits: ConnectionLimits,
    /// Which requests callers share, and how much of them is kept.
    pub coalesced_requests: CoalescedRequests,
}

/// Everything between a listener and the agents: a `Service<Request<B>>` that always answers.
pub fn forwarder<C, D, T, B>(
    connect: C,
    directory: D,
    tokens: T,
    denials: DenialDetail,
) -> Forwarder<C, D, T, B>
where
    C: Connect,
    D: Directory + Clone + Send + Sync + 'static,
    T: Tokens,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    forwarder_with_limits(connect, directory, tokens, denials, StackLimits::default())
}

/// The same within other bounds.
pub fn forwarder_with_limits<C, D, T, B>(
    connect: C,
    directory: D,
    tokens: T,
    denials: DenialDetail,
    bounds: StackLimits,
) -> Forwarder<C, D, T, B>
where
    C: Connect,
    D: Directory + Clone + Send + Sync + 'static,
    T: Tokens,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    authorized_stack(upstream_stack(connect, directory.clone(), bounds), directory, tokens, denials)
}

/// The rooms behind the decision: a service for admitted requests. With [`authorized_stack`] around it this is the whole chain;
/// whoever has more to do with requests that are decided about stands between the two.
pub fn upstream_stack<C, D, B>(
    connect: C,
    directory: D,
    bounds: StackLimits,
) -> Select<UpstreamStack<C, D, B>>
where
    C: Connect,
    D: Directory + Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Sends it over a kept connection, and streams the answer back.
    let chain = Forward::new(connect, directory).with_limits(bounds.connection_limits);
    // What several callers wait for is asked once.
    let chain = Coalesce::new(chain, bounds.coalesced_requests);
    // Gives errors that came through a server the status that they mean.
    let chain = StatusFix::new(chain);
    // Does not let the caller of a silent stream wait for its head.
    let chain = EarlyResponse::new(chain);
    // Names the agent the way it understands, and says how the answer comes about.
    Select::new(chain)
}

/// The rooms up to the decision, and errors made into answers, around a service for admitted requests.
pub fn authorized_stack<S, D, T>(
    chain: S,
    directory: D,
    tokens: T,
    denials: DenialDetail,
) -> AuthorizedStack<S, D, T> {
    // From here on nothing passes that was not decided about.
    let chain = Admit::new(chain).on_defer(OnDefer::Forward);
    // What every agent would do for everybody is decided about here.
    let chain = Harden::new(chain);
    // The owner of an allocation, and the region that answers, are known only after they were looked up, so this comes
    // before the decision.
    let chain = Locate::new(chain, directory);
    // A request that is no call, or that nobody stands for, goes no further.
    let chain = Identify::new(chain, tokens);
    // Outermost, since every room below may fail.
    Rescue::new(chain, denials)
}
