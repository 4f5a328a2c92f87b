//! A cluster that follows a script and breaks as it is told, with the gateway in front of it as `serve` puts it there.
//!
//! What holds whatever breaks: no request is lost that could be served, none that changes something is carried out
//! twice, every answer is the right one, and nothing hangs.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

mod agent;
mod client;
mod cluster;
mod fleet;
mod scenarios;
mod storm;
