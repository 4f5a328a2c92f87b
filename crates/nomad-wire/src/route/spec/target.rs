//! Which agent serves a call.

use http::StatusCode;

/// Which agent serves a call, and what a client is told when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetSpec {
    /// Who serves a call that names no agent.
    pub scope: Scope,
    /// What names an agent.
    pub keys: TargetKeys,
    /// Whether the body may name a node.
    pub body: BodyTarget,
    /// When Nomad complains about a node and a server that are named at once.
    pub conflict: Conflict,
    /// Whether servers relay it to the agent that is named.
    pub relay: Relay,
    /// The response to a target that does not exist.
    pub missing: MissingTarget,
}

/// Who serves a call that names no agent. What changes only the agent that it reaches is not sent to an arbitrary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new scope must show every match that has to learn it"
)]
pub enum Scope {
    /// Any server of the region.
    AnyServer,
    /// Any client agent of the region: servers have no answer.
    AnyClient,
    /// The only server of the region; with several, one must be named.
    SoleServer,
    /// The only client agent of the region; with several, one must be named.
    SoleClient,
    /// The client agent that has the allocation, which the path names.
    Allocation,
}

/// What in a request names an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "new keys must show every match that has to learn them"
)]
pub enum TargetKeys {
    /// Nothing: servers read whatever the query holds.
    None,
    /// The allocation in the path.
    Allocation,
    /// `node_id`
    Node,
    /// `node_id` or `server_id`
    Agent,
    /// `node_id`, else `client_id`, or `server_id`. Nomad's web page asks for a client agent's log by `client_id`, which
    /// Nomad's API never read: the page shows a server's log.
    AgentOrPage,
}

/// Whether the body of a request may name a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "Nomad's handlers read query and body in one order or the other"
)]
pub enum BodyTarget {
    /// It names none.
    Never,
    /// It does where the query names none: Nomad decodes the body first, then the query.
    AfterQuery,
    /// It does, whatever the query names, and there may be no body: Nomad reads the query first, then the body.
    BeforeQuery,
}

/// When Nomad complains about a node and a server that are named at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new order must show every match that has to learn it"
)]
pub enum Conflict {
    /// Before anything else, where both can be named at all.
    First,
    /// When the other parameters are in order.
    AfterQuery,
    /// When the client is allowed to make the call, and in other words.
    AfterRights,
}

/// Whether a server that gets a call passes it on to the agent that is named. Where it does not, it answers about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a new way must show every match that has to learn it")]
pub enum Relay {
    /// It does not.
    Never,
    /// To the client agent of an allocation.
    Allocation,
    /// To a node.
    Node,
    /// To a node and to a server.
    NodeOrServer,
    /// To a node. A server that is asked about another one answers with the wrong handler, so that the leader must be
    /// named in full, or it takes itself for another one.
    NodeAndMistakesServer,
}

/// The response to a target that does not exist, as far as the call decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingTarget {
    /// The status for an unknown node.
    pub node: StatusCode,
    /// Whether the text for an unknown node is that of a server's own lookup.
    pub node_is_looked_up: bool,
    /// The status for an unknown server, or region, or where there is no leader.
    pub server: StatusCode,
    /// What a server says that runs no client, for a call that names no node.
    pub no_local_node: Option<&'static str>,
}

impl MissingTarget {
    /// The agent that receives the call looks for the target.
    const LOCAL: Self = Self {
        node: StatusCode::NOT_FOUND,
        node_is_looked_up: false,
        server: StatusCode::BAD_REQUEST,
        no_local_node: None,
    };
    /// Servers forward the call as a whole: they say 500 to a bad server or region.
    const FORWARDED: Self = Self { server: StatusCode::INTERNAL_SERVER_ERROR, ..Self::LOCAL };
    /// A server looks the node up.
    const LOOKED_UP: Self = Self {
        node: StatusCode::INTERNAL_SERVER_ERROR,
        node_is_looked_up: true,
        ..Self::FORWARDED
    };
    /// A server looks the node up, and finds the right status.
    pub(super) const LOOKED_UP_WELL: Self = Self { node: StatusCode::NOT_FOUND, ..Self::LOOKED_UP };
}

impl TargetSpec {
    /// An agent call that its receiver serves, whoever is named.
    pub(super) const AGENT: Self = Self {
        scope: Scope::AnyServer,
        keys: TargetKeys::Agent,
        body: BodyTarget::Never,
        conflict: Conflict::First,
        relay: Relay::Never,
        missing: MissingTarget::LOCAL,
    };
    /// An agent call that servers forward as a whole.
    pub(super) const FORWARDED: Self =
        Self { relay: Relay::NodeOrServer, missing: MissingTarget::FORWARDED, ..Self::AGENT };
    /// A call about a node.
    pub(super) const NODE: Self = Self {
        keys: TargetKeys::Node,
        relay: Relay::Node,
        missing: MissingTarget::LOOKED_UP,
        ..Self::AGENT
    };
    /// A call about an allocation.
    pub(super) const ALLOCATION: Self = Self {
        scope: Scope::Allocation,
        keys: TargetKeys::Allocation,
        relay: Relay::Allocation,
        missing: MissingTarget::FORWARDED,
        ..Self::AGENT
    };
    /// A call of servers.
    pub(super) const SERVERS: Self = Self { keys: TargetKeys::None, ..Self::AGENT };
}
