//! Tower layers that bring a Nomad request to the right agent and its answer back.
//!
//! ```text
//!  http::Request<B>
//!    ▼  IDENTIFY   what is asked, and by whom?          nomad_acl
//!  Known<B>
//!    ▼  ADDRESS    which agent is meant, whose is it?   asks a Directory
//!  Addressed<B>
//!    ▼  GUARD      what Nomad leaves open
//!  Addressed<B>
//!    ▼  ADMIT      may they?                            nomad_acl, pure
//!  Admitted<Addressed<B>>
//!    ▼  RESOLVE    how is the agent reached and asked?
//!  Resolved<B>
//!    ▼  EARLY      the head of a stream that is silent yet
//!  Resolved<B>
//!    ▼  MEND       a 500 that means 403 or 404 becomes that
//!  Resolved<B>
//!    ▼  SHARE      does another caller wait for the same?
//!  Resolved<B>
//!    ▼  FORWARD    connect, send, stream back
//!  http::Response<…>  the body of an answer is the agent's bytes as they come
//! ```
//!
//! Each arrow is a type, so that no room can be entered without the slip from the room before. [`forwarder`] builds
//! the whole chain; [`Rescue`], around it, is the only place where an error becomes a status. [`Tunnel`] may stand around
//! that: with it callers can upgrade their connection to a websocket, without it upgrades end here.
//!
//! Tower's own layers fit between any two of these, around them and below; [`Error::Layer`] holds what they fail with. One that
//! cannot be cloned, as `RateLimit`, stands behind a `Buffer`.
//!
//! The crate knows nothing of what an agent does, of frames, or of configuration: bytes pass as they come. When a
//! caller goes away its answer's body is dropped, and with it the connection to the agent.

mod agent;
mod error;
mod future;
mod outages;
mod reach;
mod relay;
mod stack;

pub mod address;
pub mod api;
pub mod connect;
pub mod credit;
pub mod directory;
pub mod early;
pub mod forward;
pub mod guard;
pub mod hop;
pub mod mend;
pub mod outgoing;
pub mod rescue;
pub mod resolve;
pub mod share;
pub mod tunnel;

pub use nomad_wire::Target;

pub use self::{
    address::Address,
    agent::{Agent, Endpoint, Identity, NameError, Transport},
    api::NomadApi,
    connect::{Budget, TcpConnect},
    directory::{
        Belief, Caller, Directory, LocateError, NomadDirectory, NomadOptions, Place, Standing,
        Table,
    },
    early::Hasten,
    error::Error,
    forward::Forward,
    guard::Guard,
    mend::{Mend, MendedBody},
    rescue::{Denials, Rescue},
    resolve::{Detour, Path, Resolve},
    share::{Share, ShareLimits, SharedBody, Shares},
    stack::{Asking, Bounds, Forwarder, Guarded, delivery, forwarder, forwarder_within, guarded},
    tunnel::{Tunnel, Tunnels},
};

/// The examples of the README run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
