//! Flows across all crates, over real sockets, and the rules of the workspace.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its case should stop"
)]

mod support;

mod dependencies;
mod docs;
mod house;

mod clients;
mod exec;
mod extremes;
mod faults;
mod gathered;
mod heads;
mod input;
mod matrix;
mod monitors;
mod named_in_body;
mod paths;
mod repaired;
mod rights;
mod routes;
mod streams;
mod telemetry;
mod uploads;
mod watchers;
mod websockets;
