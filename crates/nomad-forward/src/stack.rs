//! The whole chain, from a request to an answer in any case.

use bytes::Bytes;
use nomad_acl::{Admit, Identify, Tokens};

use crate::{
    Address, Budget, Forward, Rescue, Resolve, connect::Connect, directory::Directory,
    rescue::Denials,
};

/// The chain that [`forwarder`] builds.
pub type Forwarder<C, D, T, B> = Rescue<Identify<Address<Admit<Resolve<Forward<C, D, B>>>, D>, T>>;

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
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    forwarder_within(connect, directory, tokens, denials, Budget::default())
}

/// The same with another budget of connections an agent.
pub fn forwarder_within<C, D, T, B>(
    connect: C,
    directory: D,
    tokens: T,
    denials: Denials,
    budget: Budget,
) -> Forwarder<C, D, T, B>
where
    C: Connect,
    D: Directory + Clone + Send + Sync + 'static,
    T: Tokens,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Sends it over a kept connection, and streams the answer back.
    let chain = Forward::new(connect, directory.clone()).budget(budget);
    // Names the agent the way it understands, and says how the answer comes about.
    let chain = Resolve::new(chain);
    // From here on nothing passes that was not decided about.
    let chain = Admit::new(chain);
    // The owner of an allocation is known only after it was looked up, so this comes before the decision.
    let chain = Address::new(chain, directory);
    // A request that is no call, or that nobody stands for, goes no further.
    let chain = Identify::new(chain, tokens);
    // Outermost, since every room below may fail.
    Rescue::new(chain, denials)
}
