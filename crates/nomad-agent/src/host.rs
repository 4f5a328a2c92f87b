//! What a host can be asked about itself.
//!
//! [`Node`] is the seam: handlers know only the trait, [`SystemHost`] asks the machine this process
//! runs on, and a test brings a node of its own.

mod address;
mod cpu;
mod mounts;
mod sampler;
mod system;

use std::fmt;

use nomad_wire::{agent::HostData, client::HostStats};

pub(crate) use self::sampler::HostSampler;
pub use self::system::SystemHost;

/// A host that answers for itself.
///
/// Both questions read files and make system calls, so the agent asks them on a thread where
/// waiting is allowed; an implementation may block.
pub trait HostSource: fmt::Debug + Send + Sync + 'static {
    /// The facts of `GET /v1/agent/host`, secrets of the environment already replaced.
    fn facts(&self) -> HostData;

    /// The figures of `GET /v1/client/stats`; shares of CPU time are since the previous call.
    fn stats(&self) -> HostStats;
}
