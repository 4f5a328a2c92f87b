//! Profiles of this process, in the format of `pprof`.
//!
//! A profile is a `perftools.profiles.Profile` in protobuf, compressed with gzip, which `go tool pprof` and every
//! viewer of such profiles opens. The format has few fields and does not change, so it is written by hand
//! ([`proto`]) rather than by a code generator that would have to be built first.

mod cpu;
mod proto;
mod threads;

use thiserror::Error;

pub(crate) use self::cpu::cpu;
pub(crate) use self::proto::Profile;
use self::proto::{Frame, Sample};
pub(crate) use self::threads::{RuntimeSnapshot, threads, threads_text as thread_text};

/// Why there is no profile.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ProfileError {
    /// The profiler serves the whole process, one client at a time. The text is Go's.
    #[error("cpu profiling already in use")]
    Running,
    /// The profiler cannot work here.
    #[error("cpu profiling failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The profiler cannot walk the stack on this system.
    #[cfg_attr(
        all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")),
        expect(dead_code, reason = "for other systems")
    )]
    #[error("this agent cannot profile the processor on this system")]
    Unsupported,
    /// The threads cannot be listed.
    #[error("cannot list the threads of this process")]
    Threads(#[from] std::io::Error),
}
