//! The agent's own calls, asked as a request comes from a socket, without a socket.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod health;
mod host;
mod identity;
mod log;
mod membership;
mod monitor;
mod refusals;
mod stats;
mod support;
