//! Agents on their own, each a process: who they know, what they run, what they make of their configuration.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

#[path = "agents/process.rs"]
mod process;

#[path = "agents/acl.rs"]
mod acl;
#[path = "agents/authority.rs"]
mod authority;
#[path = "agents/calls.rs"]
mod calls;
#[path = "agents/config.rs"]
mod config;
#[path = "agents/limits.rs"]
mod limits;
#[path = "agents/membership.rs"]
mod membership;
#[path = "agents/regions.rs"]
mod regions;
#[path = "agents/shown.rs"]
mod shown;
#[path = "agents/tls.rs"]
mod tls;
#[path = "agents/work.rs"]
mod work;
