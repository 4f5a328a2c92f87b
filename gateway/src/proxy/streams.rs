//! The streams whose frames the gateway reads. All others pass unopened.
//!
//! ```text
//!  Request ── REPAIR ── guarded: who, where, may they ──► GATHER ──► delivery: resolve, forward
//! ```
//!
//! [`MonitorFanout`] stands behind the decision: callers who may all see the same monitor of an agent see it through one request to
//! that agent. [`Resume`] stands in front of the chain, and does what a caller asks for in words that Nomad does not have: logs
//! that end with their task, that lose nothing when a file is rotated or an agent restarts, and other forms than frames. What
//! it needs to know it asks through the chain, with the caller's own token. What is no such request costs a comparison or two.

mod framing;
pub mod monitor_fanout;
pub mod resume;

use thiserror::Error;

pub use self::{
    monitor_fanout::{MonitorFanout, SharedMonitors},
    resume::Resume,
};

/// The agent's answer broke off, so that the caller's does too: it must not look whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the agent's answer broke off")]
pub struct BrokenStream;
