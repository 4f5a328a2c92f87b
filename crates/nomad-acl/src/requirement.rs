//! What each call costs.

use std::fmt;

use nomad_wire::{AllocCall, FsCall, KeyringCall, Route};

/// The rights that a call demands: any one of them suffices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    any_of: &'static [Right],
}

/// One right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Right {
    /// `agent { policy = … }`
    Agent(Level),
    /// `node { policy = … }`
    Node(Level),
    /// A capability in the namespace of the subject.
    Namespace(&'static str),
}

/// How much of a coarse right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "Nomad knows no third level")]
pub enum Level {
    /// `read`; `write` includes it.
    Read,
    /// `write`.
    Write,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(level) => write!(f, "agent:{level}"),
            Self::Node(level) => write!(f, "node:{level}"),
            Self::Namespace(capability) => write!(f, "namespace:{capability}"),
        }
    }
}

impl Requirement {
    const fn any(any_of: &'static [Right]) -> Self {
        Self { any_of }
    }

    /// What a call demands.
    #[must_use]
    pub const fn of(route: &Route) -> Self {
        const AGENT_READ: Requirement = Requirement::any(&[Right::Agent(Level::Read)]);
        const AGENT_WRITE: Requirement = Requirement::any(&[Right::Agent(Level::Write)]);
        const NODE_READ: Requirement = Requirement::any(&[Right::Node(Level::Read)]);
        const NODE_WRITE: Requirement = Requirement::any(&[Right::Node(Level::Write)]);
        match route {
            // A join without a right only earns a warning, and the servers decide about the rest.
            Route::Health | Route::Join | Route::Pass => Self::any(&[]),
            Route::Members | Route::ClientStats | Route::Metadata | Route::Identity => NODE_READ,
            Route::ClientGc | Route::SetMetadata | Route::RenewIdentity => NODE_WRITE,
            Route::Servers
            | Route::SelfInfo
            | Route::Host
            | Route::Monitor
            | Route::MonitorExport
            | Route::Schedulers
            | Route::SchedulersConfig => AGENT_READ,
            Route::SetServers
            | Route::ForceLeave
            | Route::Pprof(_)
            | Route::SetSchedulersConfig
            | Route::Reload
            | Route::Keyring(
                KeyringCall::List | KeyringCall::Install | KeyringCall::Use | KeyringCall::Remove,
            ) => AGENT_WRITE,
            Route::Fs(call, _) => Self::fs(*call),
            Route::Allocation(call, _) => Self::allocation(*call),
        }
    }

    const fn fs(call: FsCall) -> Self {
        match call {
            FsCall::List | FsCall::Stat | FsCall::Cat | FsCall::ReadAt | FsCall::Stream => {
                Self::any(&[Right::Namespace("read-fs")])
            }
            FsCall::Logs => {
                Self::any(&[Right::Namespace("read-logs"), Right::Namespace("read-fs")])
            }
        }
    }

    const fn allocation(call: AllocCall) -> Self {
        match call {
            AllocCall::Stats | AllocCall::Checks | AllocCall::Pause => {
                Self::any(&[Right::Namespace("read-job")])
            }
            AllocCall::Restart | AllocCall::Signal => {
                Self::any(&[Right::Namespace("alloc-lifecycle")])
            }
            AllocCall::Gc => {
                Self::any(&[Right::Namespace("submit-job"), Right::Namespace("gc-allocation")])
            }
            AllocCall::SetPause => {
                Self::any(&[Right::Namespace("submit-job"), Right::Namespace("pause-allocation")])
            }
            AllocCall::Exec => Self::any(&[Right::Namespace("alloc-exec")]),
            // Agents authorise each other with a migrate token, which is no ACL token.
            AllocCall::Snapshot => Self::any(&[]),
        }
    }

    /// The right that a denial names; `None` when nothing is demanded.
    #[must_use]
    pub const fn first_right(&self) -> Option<Right> {
        match self.any_of {
            [] => None,
            [first, ..] => Some(*first),
        }
    }
}
