//! Tower layers that send a Nomad request to the right agent, and stream its response back.
//!
//! ```text
//!  http::Request<B>
//!    ▼  identify        route and token → ACL                  nomad_acl
//!  Identified<B>
//!    ▼  locate          which agent, whose namespace           asks a Directory
//!  Located<B>
//!    ▼  harden          what Nomad would leave open
//!  Located<B>
//!    ▼  admit           may the client do this?                nomad_acl, pure
//!  Admitted<Located<B>>
//!    ▼  select          the upstream agent and its fallbacks
//!  UpstreamRequest<B>
//!    ▼  early_response  the head of a silent stream
//!    ▼  status_fix      a 500 that means 403 or 404
//!    ▼  coalesce        one request for identical blocking queries
//!    ▼  forward         connect, send, stream back
//!  http::Response<…>  whose body is the agent's bytes as they come
//! ```
//!
//! Each arrow is a type: no layer can be entered without the proof from the layer before. [`forwarder`] builds the whole stack;
//! [`Rescue`], around it, is the only layer that turns an error into a response. [`Upgrade`] may stand around that: with it
//! clients can upgrade their connections to websockets, without it upgrades end here.
//!
//! Tower's own layers fit between any two of these, around them and below; [`Error::Layer`] holds what they fail with. One that
//! cannot be cloned, as `RateLimit`, stands behind a `Buffer`.
//!
//! The crate knows nothing of what an agent does, of frames, or of configuration: bytes pass as they come. When a client
//! disconnects, its response body is dropped, and with it the connection to the agent.

mod agent;
mod error;
mod layers;
mod stack;

pub mod connect;
pub mod directory;
pub mod nomad_api;

pub use nomad_wire::Target;

pub use self::{
    agent::{Agent, AgentId, Endpoint, NameError, Transport},
    connect::{ConnectionLimits, TcpConnect},
    directory::{
        AgentHealth, Directory, DirectoryError, HealthState, Location, LookupContext,
        NomadDirectory, NomadOptions, StaticDirectory,
    },
    error::Error,
    layers::{
        attribution,
        coalesce::{self, Coalesce, CoalesceBody, CoalesceLimits, CoalescedRequests},
        early_response::{self, EarlyResponse},
        forward::{self, Forward},
        harden::{self, Harden},
        locate::{self, Locate},
        loop_detection,
        rescue::{self, DenialDetail, Rescue},
        select::{self, Path, RelayFallback, Select},
        status_fix::{self, StatusFix, StatusFixBody},
        upgrade::{self, Tunnels, Upgrade},
        upstream_body,
    },
    nomad_api::NomadApi,
    stack::{
        AuthorizedStack, Forwarder, StackLimits, UpstreamStack, authorized_stack, forwarder,
        forwarder_with_limits, upstream_stack,
    },
};

/// The examples of the README run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
