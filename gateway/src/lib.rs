//! One address in front of a fleet of Nomad agents.
//!
//! The library is what the program `nomad-gateway` is made of: listeners ([`listener`]) and their TLS ([`tls`]), the chain of
//! rooms from `nomad-forward` with a trace, numbers and a log around it ([`Gateway`], [`telemetry`]), the gateway's own calls
//! ([`admin`]), a word to pages of other sites ([`cors`]), errors as JSON ([`json_errors`]), what frames are opened for ([`streams`]),
//! its end in good order ([`ShutdownController`], [`Signals`]), and an embedded fleet of reference agents ([`fleet`]) that the
//! command `dev` puts the gateway in front of, and a single one of them that stands alone ([`agent`]). It introduces the other crates to each other and knows nothing of what
//! they do inside.

mod clock;
mod commands;
mod error;
mod logging;
mod proxy;
mod server;

pub mod config;
pub mod telemetry;

pub use self::{
    clock::SystemClock,
    commands::{acl, agent, cli, dev, fleet, serve},
    error::StartError,
    logging::console,
    proxy::{
        admin, client_address, cors, gateway::Gateway, invalid_head::Invalid, json_errors,
        pending_limit, request_id, rewrite, streams,
    },
    server::{
        listener,
        shutdown::{Shutdown, ShutdownController},
        signals::{DrainOutcome, Signals},
        tls, workers,
    },
};
