//! The capabilities that each call requires.

mod capability;
mod server_api;

use std::fmt;

use nomad_wire::{Route, spec::Requires};

use crate::capability::NamespaceCapability;
pub use crate::requirement::{
    capability::{AccessLevel, Capability, CapabilityError},
    server_api::{ServerRequirement, SubjectSource},
};

/// The rights that a call demands: of every group at least one right.
///
/// Almost every call demands one group. `Display` writes it out:
///
/// ```
/// use nomad_acl::Requirement;
/// use nomad_wire::{FsRoute, Route};
///
/// let logs = Requirement::for_route(&Route::Fs(FsRoute::Logs, "13651909-dd6d-35ce-5da0-5004769668b3".into()));
/// assert_eq!(logs.to_string(), "namespace:read-logs or namespace:read-fs");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    groups: &'static [&'static [Capability]],
}

impl Requirement {
    /// Demands nothing.
    pub const NOTHING: Self = Self::new(&[]);

    /// Of every group at least one right.
    #[must_use]
    pub const fn new(all: &'static [&'static [Capability]]) -> Self {
        Self { groups: all }
    }

    /// What a call demands (`command/agent`, `client` and `nomad` packages of Nomad 2.0).
    ///
    /// For calls about an allocation the rights are demanded in the allocation's own namespace.
    #[must_use]
    pub const fn for_route(route: &Route) -> Self {
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
            Requires::NodeRead => Self::new(&[&[Capability::Node(AccessLevel::Read)]]),
            Requires::NodeWrite => Self::new(&[&[Capability::Node(AccessLevel::Write)]]),
            Requires::AgentRead => Self::new(&[&[Capability::Agent(AccessLevel::Read)]]),
            Requires::AgentWrite => Self::new(&[&[Capability::Agent(AccessLevel::Write)]]),
            Requires::ReadFs => Self::new(&[&[Capability::Namespace(NamespaceCapability::ReadFs)]]),
            Requires::ReadLogs => Self::new(&[&[
                Capability::Namespace(NamespaceCapability::ReadLogs),
                Capability::Namespace(NamespaceCapability::ReadFs),
            ]]),
            Requires::ReadJob => {
                Self::new(&[&[Capability::Namespace(NamespaceCapability::ReadJob)]])
            }
            Requires::AllocLifecycle => {
                Self::new(&[&[Capability::Namespace(NamespaceCapability::AllocLifecycle)]])
            }
            Requires::CollectAllocation => Self::new(&[&[
                Capability::Namespace(NamespaceCapability::SubmitJob),
                Capability::Namespace(NamespaceCapability::GcAllocation),
            ]]),
            Requires::PauseAllocation => Self::new(&[&[
                Capability::Namespace(NamespaceCapability::SubmitJob),
                Capability::Namespace(NamespaceCapability::PauseAllocation),
            ]]),
            Requires::AllocExec => {
                Self::new(&[&[Capability::Namespace(NamespaceCapability::AllocExec)]])
            }
        }
    }

    /// The groups; of each at least one right is demanded.
    #[must_use]
    pub const fn groups(&self) -> &'static [&'static [Capability]] {
        self.groups
    }

    /// The right that a denial names first; `None` when nothing is demanded.
    #[must_use]
    pub const fn first_capability(&self) -> Option<Capability> {
        match self.groups {
            [[first, ..], ..] => Some(*first),
            _ => None,
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.groups.is_empty() {
            return f.write_str("nothing");
        }
        for (index, group) in self.groups.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", and " })?;
            capability::write_alternatives(f, group)?;
        }
        Ok(())
    }
}

/// The rights of one group, any of which would have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnyOf {
    capabilities: [Option<Capability>; Self::MAX],
}

impl AnyOf {
    /// The most alternatives that any call of Nomad accepts.
    const MAX: usize = 4;

    /// These rights; more than four are not kept.
    #[must_use]
    pub fn new(rights: &[Capability]) -> Self {
        let mut kept = [None; Self::MAX];
        for (slot, right) in kept.iter_mut().zip(rights) {
            *slot = Some(*right);
        }
        Self { capabilities: kept }
    }

    /// The rights, in the order in which they are tried.
    pub fn capabilities(&self) -> impl Iterator<Item = Capability> + '_ {
        self.capabilities.iter().flatten().copied()
    }
}

impl fmt::Display for AnyOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, right) in self.capabilities().enumerate() {
            write!(f, "{}{right}", if index == 0 { "" } else { " or " })?;
        }
        Ok(())
    }
}
