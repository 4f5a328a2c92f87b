//! The table of routes: one row a call, and all that is decided by the call alone.
//!
//! Layers look up here what they need to know of a call, so that a new call is a new row, and not an arm in each of them.
//! `docs/routes.md` is generated from this table.

mod access;
mod agent;
mod agent_changes;
mod allocation;
mod class;
mod client;
mod files;
mod http;
mod pass;
mod target;
mod why;

pub use self::{
    access::{AgentRole, Requires},
    class::{RouteClass, Stream},
    http::{Sends, Takes},
    target::{BodyTarget, Conflict, MissingTarget, Relay, Scope, TargetKeys, TargetSpec},
};
use super::{AllocRoute, FsRoute, KeyringRoute, Route};

/// A row of the table.
///
/// ```
/// use nomad_wire::{Route, spec::{Relay, Requires}};
///
/// let members = Route::Members.spec();
/// assert_eq!((members.name, members.path), ("agent.members", "/v1/agent/members"));
/// assert_eq!((members.requires, members.target.relay), (Requires::NodeRead, Relay::Never));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct RouteSpec {
    /// The name of the call. It is stable.
    pub name: &'static str,
    /// The methods that make this call. Another method on its path is a fault.
    pub takes: Takes,
    /// The method that Nomad's own client sends.
    pub sends: Sends,
    /// The path. A segment that begins with a colon is a parameter.
    pub path: &'static str,
    /// The label of the call in metrics.
    pub family: Family,
    /// How the call goes on: it decides the timeout for the first byte, and whether the call may be repeated.
    pub class: RouteClass,
    /// Why it is of this class: what Nomad does, as read in its source (2.0.5).
    pub why: &'static str,
    /// Which agent serves it.
    pub target: TargetSpec,
    /// The agents that have the part of Nomad that serves it.
    pub role: AgentRole,
    /// The capability that it costs at Nomad.
    pub requires: Requires,
    /// The capability that it costs at the gateway besides, where Nomad leaves the call open.
    pub guard: Option<Requires>,
    /// No agent sees who the client is, or none asks, so that only a recent token lookup counts.
    pub needs_recent_token: bool,
    /// Where ACLs are off, agents serve it only with `enable_debug`.
    pub needs_debug: bool,
    /// What Nomad writes in front of the reason why it cannot read a request's body.
    pub body_fault: &'static str,
}

/// Groups of calls, few enough for a label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new family must show every match that has to learn it"
)]
pub enum Family {
    /// The other calls below `/v1/agent/`.
    Agent,
    /// An agent's log.
    Monitor,
    /// Profiles.
    Pprof,
    /// The other calls below `/v1/client/`.
    Client,
    /// Files that are read once.
    Files,
    /// Files that may be followed.
    FileStream,
    /// Logs of tasks.
    Logs,
    /// The other calls below `/v1/client/allocation/`.
    Allocation,
    /// Commands in tasks.
    Exec,
    /// What servers serve.
    Pass,
}

const TABLE: [&[RouteSpec]; 6] =
    [agent::ROWS, agent_changes::ROWS, client::ROWS, files::ROWS, allocation::ROWS, pass::ROWS];

impl RouteSpec {
    /// All rows, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        TABLE.into_iter().flatten()
    }
}

impl Route {
    /// What is known of this call.
    #[must_use]
    pub const fn spec(&self) -> &'static RouteSpec {
        match self {
            Self::Members => const { row("agent.members") },
            Self::Servers => const { row("agent.servers") },
            Self::SetServers => const { row("agent.servers.set") },
            Self::SelfInfo => const { row("agent.self") },
            Self::Join => const { row("agent.join") },
            Self::ForceLeave => const { row("agent.force-leave") },
            Self::Health => const { row("agent.health") },
            Self::Host => const { row("agent.host") },
            Self::Monitor => const { row("agent.monitor") },
            Self::MonitorExport => const { row("agent.monitor.export") },
            Self::Pprof(_) => const { row("agent.pprof") },
            Self::Schedulers => const { row("agent.schedulers") },
            Self::SchedulersConfig => const { row("agent.schedulers.config") },
            Self::SetSchedulersConfig => const { row("agent.schedulers.config.set") },
            Self::Keyring(KeyringRoute::List) => const { row("agent.keyring.list") },
            Self::Keyring(KeyringRoute::Install) => const { row("agent.keyring.install") },
            Self::Keyring(KeyringRoute::Use) => const { row("agent.keyring.use") },
            Self::Keyring(KeyringRoute::Remove) => const { row("agent.keyring.remove") },
            Self::Reload => const { row("agent.reload") },
            Self::ClientStats => const { row("client.stats") },
            Self::ClientGc => const { row("client.gc") },
            Self::Metadata => const { row("client.metadata") },
            Self::SetMetadata => const { row("client.metadata.set") },
            Self::Identity => const { row("client.identity") },
            Self::RenewIdentity => const { row("client.identity.renew") },
            Self::Fs(call, _) => call.spec(),
            Self::Allocation(call, _) => call.spec(),
            Self::Pass => const { row("pass") },
        }
    }
}

impl FsRoute {
    const fn spec(self) -> &'static RouteSpec {
        match self {
            Self::List => const { row("fs.ls") },
            Self::Stat => const { row("fs.stat") },
            Self::Cat => const { row("fs.cat") },
            Self::ReadAt => const { row("fs.readat") },
            Self::Stream => const { row("fs.stream") },
            Self::Logs => const { row("fs.logs") },
        }
    }
}

impl AllocRoute {
    const fn spec(self) -> &'static RouteSpec {
        match self {
            Self::Stats => const { row("allocation.stats") },
            Self::Checks => const { row("allocation.checks") },
            Self::Restart => const { row("allocation.restart") },
            Self::Signal => const { row("allocation.signal") },
            Self::Gc => const { row("allocation.gc") },
            Self::Pause => const { row("allocation.pause") },
            Self::SetPause => const { row("allocation.pause.set") },
            Self::Exec => const { row("allocation.exec") },
            Self::Snapshot => const { row("allocation.snapshot") },
        }
    }
}

/// The row of this name. It is looked for when the program is compiled, so that a route without a row does not compile.
#[expect(clippy::panic, reason = "it ends a compilation, and no program")]
const fn row(name: &str) -> &'static RouteSpec {
    let mut part = 0;
    while part < TABLE.len() {
        let mut index = 0;
        while index < TABLE[part].len() {
            if is_same(TABLE[part][index].name, name) {
                return &TABLE[part][index];
            }
            index += 1;
        }
        part += 1;
    }
    panic!("no row has this name")
}

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}
