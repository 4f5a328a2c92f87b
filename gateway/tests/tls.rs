//! TLS on both sides, with certificates made for each test.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

#[path = "tls/agents.rs"]
mod agents;
#[path = "tls/authority.rs"]
mod authority;
#[path = "tls/callers.rs"]
mod callers;
#[path = "tls/early_answers.rs"]
mod early_answers;
#[path = "tls/files.rs"]
mod files;
#[path = "tls/floods.rs"]
mod floods;
#[path = "tls/frames.rs"]
mod frames;
#[path = "tls/handshakes.rs"]
mod handshakes;
#[path = "tls/hello.rs"]
mod hello;
#[path = "tls/http2.rs"]
mod http2;
#[path = "tls/listeners.rs"]
mod listeners;
#[path = "tls/process.rs"]
mod process;
#[path = "tls/proxies.rs"]
mod proxies;
#[path = "tls/refusals.rs"]
mod refusals;
#[path = "tls/running.rs"]
mod running;
