//! One address in front of a fleet of Nomad agents.
//!
//! The library is what the program `nomad-gateway` is made of: listeners ([`listen`]) and their TLS ([`tls`]), the chain of
//! rooms from `nomad-forward` with a trace, numbers and a log around it ([`Gateway`], [`telemetry`]), the gateway's own calls
//! ([`own`]), a word to pages of other sites ([`cors`]), errors as JSON ([`told`]), what frames are opened for ([`streams`]),
//! its end in good order ([`ShutdownController`], [`Signals`]), and an embedded fleet of reference agents ([`fleet`]) that the
//! command `dev` puts the gateway in front of, and a single one of them that stands alone ([`agent`]). It introduces the other crates to each other and knows nothing of what
//! they do inside.

mod clock;
mod error;
mod gateway;
mod invalid_head;
mod limiter;
mod line_writer;
mod linger;
mod response_future;
mod shutdown;
mod signals;

pub mod acl;
pub mod admin;
pub mod agent;
pub mod cli;
pub mod client_address;
pub mod config;
pub mod console;
pub mod cors;
pub mod dev;
pub mod fleet;
pub mod json_errors;
pub mod listener;
pub mod pending_limit;
pub mod request_id;
pub mod rewrite;
pub mod serve;
pub mod streams;
pub mod telemetry;
pub mod tls;
pub mod workers;

pub use self::{
    clock::SystemClock,
    error::StartError,
    gateway::Gateway,
    invalid_head::Invalid,
    shutdown::{Shutdown, ShutdownController},
    signals::{DrainOutcome, Signals},
};
