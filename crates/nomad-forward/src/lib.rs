//! Tower layers that bring a Nomad request to the right agent and its answer back.
//!
//! ```text
//!  http::Request<B>
//!    ▼  IDENTIFY   what is asked, and by whom?          nomad_acl
//!  Identified<B>
//!    ▼  LOCATE     which agent is meant, whose is it?   asks a Directory
//!  Located<B>
//!    ▼  HARDEN     what Nomad leaves open
//!  Located<B>
//!    ▼  ADMIT      may they?                            nomad_acl, pure
//!  Admitted<Located<B>>
//!    ▼  SELECT     how is the agent reached and asked?
//!  UpstreamRequest<B>
//!    ▼  EARLY_RESPONSE the head of a stream that is silent yet
//!  UpstreamRequest<B>
//!    ▼  STATUS_FIX a 500 that means 403 or 404 becomes that
//!  UpstreamRequest<B>
//!    ▼  COALESCE   does another caller wait for the same?
//!  UpstreamRequest<B>
//!    ▼  FORWARD    connect, send, stream back
//!  http::Response<…>  the body of an answer is the agent's bytes as they come
//! ```
//!
//! Each arrow is a type, so that no room can be entered without the slip from the room before. [`forwarder`] builds
//! the whole chain; [`Rescue`], around it, is the only place where an error becomes a status. [`StatusFix`] may stand around
//! that: with it callers can upgrade their connection to a websocket, without it upgrades end here.
//!
//! Tower's own layers fit between any two of these, around them and below; [`Error::Layer`] holds what they fail with. One that
//! cannot be cloned, as `RateLimit`, stands behind a `Buffer`.
//!
//! The crate knows nothing of what an agent does, of frames, or of configuration: bytes pass as they come. When a
//! caller goes away its answer's body is dropped, and with it the connection to the agent.

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
