//! The agent's own calls, as requests come from a socket, but without a socket.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod alloc_files;
mod alloc_logs;
mod alloc_rights;
mod alloc_stats;
mod alloc_stream;
mod checks;
mod escapes;
mod exec;
mod export;
mod fixture;
mod health;
mod host;
mod http_layer;
mod identity;
mod lifecycle;
mod log;
mod membership;
mod metadata;
mod monitor;
mod monitor_socket;
mod node_identity;
mod pprof;
mod refusals;
mod reload;
mod rights;
mod schedulers;
mod shapes;
mod snapshot;
mod socket;
mod stats;
mod support;
mod survival;
mod test_server;
