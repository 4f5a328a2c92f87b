//! A reference Nomad agent.

mod agent;
mod body;
mod config;
mod duration;
mod error;
mod found;
mod framing;
mod handle;
mod identity;
mod log;
mod membership;
mod node;
mod reply;
mod role;

pub use self::{
    agent::{Agent, AgentBuilder},
    body::Body,
    config::{AgentConfig, NOMAD_VERSION, VERSION_METADATA},
    error::{AgentError, WrongRole},
    found::{Found, Standalone, standalone},
    identity::IdentityError,
    log::{Entry, LOG_QUEUE, LineStyle, LogFeed, LogHub, LogLine, LogOutlet, Value},
    membership::{Member, MemberStatus, Membership, Roster},
    node::{HostNode, Node},
    role::Role,
};
