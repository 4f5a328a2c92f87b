//! Blocking queries that share one request: their life under virtual time, and over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

mod life;
mod sockets;
