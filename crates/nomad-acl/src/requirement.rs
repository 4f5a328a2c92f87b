//! What each call costs.

mod elsewhere;
mod right;

use std::fmt;

use nomad_wire::{AllocCall, FsCall, KeyringCall, Route};

pub use self::{
    elsewhere::{About, Demand},
    right::{Level, Right, RightError},
};
use crate::capability::Capability;

/// The rights that a call demands: of every group at least one right.
///
/// Almost every call demands one group. `Display` writes it out:
///
/// ```
/// use nomad_acl::Requirement;
/// use nomad_wire::{FsCall, Route};
///
/// let logs = Requirement::of(&Route::Fs(FsCall::Logs, "13651909-dd6d-35ce-5da0-5004769668b3".into()));
/// assert_eq!(logs.to_string(), "namespace:read-logs or namespace:read-fs");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    all: &'static [&'static [Right]],
}

impl Requirement {
    /// Demands nothing.
    pub const NOTHING: Self = Self::all(&[]);

    /// Of every group at least one right.
    #[must_use]
    pub const fn all(all: &'static [&'static [Right]]) -> Self {
        Self { all }
    }

    /// What a call demands (`command/agent`, `client` and `nomad` packages of Nomad 2.0).
    ///
    /// For calls about an allocation the rights are demanded in the allocation's own namespace.
    #[must_use]
    pub const fn of(route: &Route) -> Self {
        const AGENT_READ: Requirement = Requirement::all(&[&[Right::Agent(Level::Read)]]);
        const AGENT_WRITE: Requirement = Requirement::all(&[&[Right::Agent(Level::Write)]]);
        const NODE_READ: Requirement = Requirement::all(&[&[Right::Node(Level::Read)]]);
        const NODE_WRITE: Requirement = Requirement::all(&[&[Right::Node(Level::Write)]]);
        match route {
            // A join without a right only earns a warning, and the servers decide about the rest.
            Route::Health | Route::Join | Route::Pass => Self::NOTHING,
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
                Self::all(&[&[Right::Namespace(Capability::ReadFs)]])
            }
            FsCall::Logs => Self::all(&[&[
                Right::Namespace(Capability::ReadLogs),
                Right::Namespace(Capability::ReadFs),
            ]]),
        }
    }

    const fn allocation(call: AllocCall) -> Self {
        match call {
            AllocCall::Stats | AllocCall::Checks | AllocCall::Pause => {
                Self::all(&[&[Right::Namespace(Capability::ReadJob)]])
            }
            AllocCall::Restart | AllocCall::Signal => {
                Self::all(&[&[Right::Namespace(Capability::AllocLifecycle)]])
            }
            AllocCall::Gc => Self::all(&[&[
                Right::Namespace(Capability::SubmitJob),
                Right::Namespace(Capability::GcAllocation),
            ]]),
            AllocCall::SetPause => Self::all(&[&[
                Right::Namespace(Capability::SubmitJob),
                Right::Namespace(Capability::PauseAllocation),
            ]]),
            // A task that shares its host's file system costs alloc-node-exec besides. Only the
            // agent that runs the task knows its driver, so that agent asks for it.
            AllocCall::Exec => Self::all(&[&[Right::Namespace(Capability::AllocExec)]]),
            // Agents authorise each other with a migrate token, which is no ACL token.
            AllocCall::Snapshot => Self::NOTHING,
        }
    }

    /// The groups; of each at least one right is demanded.
    #[must_use]
    pub const fn groups(&self) -> &'static [&'static [Right]] {
        self.all
    }

    /// The right that a denial names first; `None` when nothing is demanded.
    #[must_use]
    pub const fn first_right(&self) -> Option<Right> {
        match self.all {
            [[first, ..], ..] => Some(*first),
            _ => None,
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.all.is_empty() {
            return f.write_str("nothing");
        }
        for (index, group) in self.all.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", and " })?;
            right::write_any(f, group)?;
        }
        Ok(())
    }
}

/// The rights of one group, any of which would have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnyOf {
    rights: [Option<Right>; Self::MOST],
}

impl AnyOf {
    /// The most alternatives that any call of Nomad accepts.
    const MOST: usize = 4;

    /// These rights; more than four are not kept.
    #[must_use]
    pub fn new(rights: &[Right]) -> Self {
        let mut kept = [None; Self::MOST];
        for (slot, right) in kept.iter_mut().zip(rights) {
            *slot = Some(*right);
        }
        Self { rights: kept }
    }

    /// The rights, in the order in which they are tried.
    pub fn rights(&self) -> impl Iterator<Item = Right> + '_ {
        self.rights.iter().flatten().copied()
    }
}

impl fmt::Display for AnyOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, right) in self.rights().enumerate() {
            write!(f, "{}{right}", if index == 0 { "" } else { " or " })?;
        }
        Ok(())
    }
}
