//! The whole chain, from a request to an answer in any case.

use bytes::Bytes;
use nomad_acl::{Admit, Identify, Tokens, Undecided};

use crate::{
    Address, Budget, Forward, Guard, Hasten, Mend, Rescue, Resolve, Share, Shares,
    connect::Connect, directory::Directory, forward::ForwardBody, rescue::Denials,
};

/// The chain that [`forwarder`] builds.
pub type Forwarder<C, D, T, B> = Guarded<Resolve<Asking<C, D, B>>, D, T>;

/// The chain that [`guarded`] builds.
pub type Guarded<S, D, T> = Rescue<Identify<Address<Guard<Admit<S>>, D>, T>>;

/// The rooms behind RESOLVE, which ask the agent.
pub type Asking<C, D, B> = Hasten<Mend<Share<Forward<C, D, B>, ForwardBody<B>>>>;

/// What is bounded on the way.
#[derive(Debug, Clone, Default)]
#[expect(clippy::exhaustive_structs, reason = "a plain record of settings, each with a default")]
pub struct Bounds {
    /// How many connections one agent gets.
    pub budget: Budget,
    /// Which requests callers share, and how much of them is kept.
    pub shares: Shares,
}

/// Everything between a listener and the agents: a `Service<Request<B>>` that always answers.
pub fn forwarder<C, D, T, B>(
    connect: C,
    directory: D,
    tokens: T,
    denials: Denials,
) -> Forwarder<C, D, T, B>
where
    C: Connect,
    D: Directory + Clone + Send + Sync + 'static,
    T: Tokens,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    forwarder_within(connect, directory, tokens, denials, Bounds::default())
}

/// The same within other bounds.
pub fn forwarder_within<C, D, T, B>(
    connect: C,
    directory: D,
    tokens: T,
    denials: Denials,
    bounds: Bounds,
) -> Forwarder<C, D, T, B>
where
    C: Connect,
    D: Directory + Clone + Send + Sync + 'static,
    T: Tokens,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    guarded(delivery(connect, directory.clone(), bounds), directory, tokens, denials)
}

/// The rooms behind the decision: a service for admitted requests. With [`guarded`] around it this is the whole chain;
/// whoever has more to do with requests that are decided about stands between the two.
pub fn delivery<C, D, B>(connect: C, directory: D, bounds: Bounds) -> Resolve<Asking<C, D, B>>
where
    C: Connect,
    D: Directory + Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Sends it over a kept connection, and streams the answer back.
    let chain = Forward::new(connect, directory).budget(bounds.budget);
    // What several callers wait for is asked once.
    let chain = Share::new(chain, bounds.shares);
    // Gives errors that came through a server the status that they mean.
    let chain = Mend::new(chain);
    // Does not let the caller of a silent stream wait for its head.
    let chain = Hasten::new(chain);
    // Names the agent the way it understands, and says how the answer comes about.
    Resolve::new(chain)
}

/// The rooms up to the decision, and errors made into answers, around a service for admitted requests.
pub fn guarded<S, D, T>(chain: S, directory: D, tokens: T, denials: Denials) -> Guarded<S, D, T> {
    // From here on nothing passes that was not decided about.
    let chain = Admit::new(chain).undecided(Undecided::HandOn);
    // What every agent would do for everybody is decided about here.
    let chain = Guard::new(chain);
    // The owner of an allocation, and the region that answers, are known only after they were looked up, so this comes
    // before the decision.
    let chain = Address::new(chain, directory);
    // A request that is no call, or that nobody stands for, goes no further.
    let chain = Identify::new(chain, tokens);
    // Outermost, since every room below may fail.
    Rescue::new(chain, denials)
}
