//! What each call costs.

mod elsewhere;
mod right;

use std::fmt;

use nomad_wire::{Route, spec::Requires};

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
        Self::required(route.spec().requires)
    }

    /// The rights behind an entry of the table of routes.
    #[must_use]
    pub const fn required(requires: Requires) -> Self {
        match requires {
            Requires::Nothing
            | Requires::AnyToken
            | Requires::MigrateToken
            | Requires::ServerDecides => Self::NOTHING,
            Requires::NodeRead => Self::all(&[&[Right::Node(Level::Read)]]),
            Requires::NodeWrite => Self::all(&[&[Right::Node(Level::Write)]]),
            Requires::AgentRead => Self::all(&[&[Right::Agent(Level::Read)]]),
            Requires::AgentWrite => Self::all(&[&[Right::Agent(Level::Write)]]),
            Requires::ReadFs => Self::all(&[&[Right::Namespace(Capability::ReadFs)]]),
            Requires::ReadLogs => Self::all(&[&[
                Right::Namespace(Capability::ReadLogs),
                Right::Namespace(Capability::ReadFs),
            ]]),
            Requires::ReadJob => Self::all(&[&[Right::Namespace(Capability::ReadJob)]]),
            Requires::AllocLifecycle => {
                Self::all(&[&[Right::Namespace(Capability::AllocLifecycle)]])
            }
            Requires::CollectAllocation => Self::all(&[&[
                Right::Namespace(Capability::SubmitJob),
                Right::Namespace(Capability::GcAllocation),
            ]]),
            Requires::PauseAllocation => Self::all(&[&[
                Right::Namespace(Capability::SubmitJob),
                Right::Namespace(Capability::PauseAllocation),
            ]]),
            Requires::AllocExec => Self::all(&[&[Right::Namespace(Capability::AllocExec)]]),
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
