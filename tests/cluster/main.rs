//! A cluster that follows a script and breaks on command, with the gateway in front of it as `serve` starts it.
//!
//! The properties that hold whatever breaks: no request is lost that could be served, none that changes something
//! is carried out twice, every response belongs to its request, and nothing hangs.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

mod agent;
mod client;
mod cluster;
mod fleet;
mod scenarios;
mod storm;
