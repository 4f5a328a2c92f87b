//! One address in front of a fleet of Nomad agents.
//!
//! The library behind the program `nomad-gateway`: listeners ([`listener`]) and TLS ([`tls`]); the stack of `nomad-forward` with
//! request ids, telemetry and an access log around it ([`Gateway`], [`request_id`], [`telemetry`]); the gateway's own endpoints
//! ([`admin`]), CORS ([`cors`]), JSON errors ([`json_errors`]), and the streams whose frames it reads ([`streams`]); shutdown
//! ([`ShutdownController`], [`Signals`]); the embedded fleet of reference agents that `dev` starts ([`fleet`]), and one agent on its
//! own ([`agent`]). It wires the other crates together and knows nothing of what they do inside.

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
