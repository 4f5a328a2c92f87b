//! The directory of a Nomad cluster, over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

mod catalog;
mod cluster;
mod discovery;
mod fleet;
mod gone;
mod names;
mod node_in_body;
mod own_token;
mod relay;
mod secrecy;
