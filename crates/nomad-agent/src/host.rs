//! Facts and statistics of a host.
//!
//! [`HostSource`] is the seam: handlers know only the trait, [`SystemHost`] reads the machine this process runs on,
//! and tests bring a source of their own.

mod address;
mod cpu;
mod mounts;
mod sampler;
mod system;

use std::fmt;

use nomad_wire::{agent::HostData, client::HostStats};

pub(crate) use self::sampler::HostSampler;
pub use self::system::SystemHost;

/// A source of a host's facts and statistics.
///
/// Both methods read files and make system calls, so the agent calls them on a thread that may block.
pub trait HostSource: fmt::Debug + Send + Sync + 'static {
    /// The facts for `GET /v1/agent/host`, with secrets of the environment redacted.
    fn facts(&self) -> HostData;

    /// The statistics for `GET /v1/client/stats`; CPU percentages are since the previous call.
    fn stats(&self) -> HostStats;
}
