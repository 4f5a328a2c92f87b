//! The words of the blocks that name one thing: node pools, host volumes, variable paths.

use super::{BlockCapability, CapabilitySet, PolicyLevel};

/// A capability on a node pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NodePoolCapability {
    /// Withdraws every other capability of the pool.
    Deny,
    /// Read the pool.
    Read,
    /// Create and change the pool; does not include reading it.
    Write,
    /// Delete the pool.
    Delete,
}

impl BlockCapability for NodePoolCapability {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Deny, "deny"),
        (Self::Read, "read"),
        (Self::Write, "write"),
        (Self::Delete, "delete"),
    ];

    const DENY: Self = Self::Deny;

    fn bit(self) -> u32 {
        self as u32
    }

    fn from_level(level: PolicyLevel) -> CapabilitySet<Self> {
        match level {
            PolicyLevel::Deny => CapabilitySet::from_slice(&[Self::Deny]),
            PolicyLevel::Read => CapabilitySet::from_slice(&[Self::Read]),
            PolicyLevel::Write => {
                CapabilitySet::from_slice(&[Self::Read, Self::Write, Self::Delete])
            }
            PolicyLevel::List | PolicyLevel::Scale => CapabilitySet::EMPTY,
        }
    }
}

/// A capability on a host volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HostVolumeCapability {
    /// Withdraws every other capability of the volume.
    Deny,
    /// Mount the volume for reading.
    MountReadonly,
    /// Mount the volume for writing; does not include mounting it for reading.
    MountReadwrite,
}

impl BlockCapability for HostVolumeCapability {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Deny, "deny"),
        (Self::MountReadonly, "mount-readonly"),
        (Self::MountReadwrite, "mount-readwrite"),
    ];

    const DENY: Self = Self::Deny;

    fn bit(self) -> u32 {
        self as u32
    }

    fn from_level(level: PolicyLevel) -> CapabilitySet<Self> {
        match level {
            PolicyLevel::Deny => CapabilitySet::from_slice(&[Self::Deny]),
            PolicyLevel::Read => CapabilitySet::from_slice(&[Self::MountReadonly]),
            PolicyLevel::Write => {
                CapabilitySet::from_slice(&[Self::MountReadonly, Self::MountReadwrite])
            }
            PolicyLevel::List | PolicyLevel::Scale => CapabilitySet::EMPTY,
        }
    }
}

/// A capability on a variable path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PathCapability {
    /// Withdraws the others of the same `path` block, and of no other block.
    Deny,
    /// See that the variable exists.
    List,
    /// Read the variable; includes `list`.
    Read,
    /// Write the variable; includes nothing else.
    Write,
    /// Delete the variable.
    Destroy,
}

impl BlockCapability for PathCapability {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Deny, "deny"),
        (Self::List, "list"),
        (Self::Read, "read"),
        (Self::Write, "write"),
        (Self::Destroy, "destroy"),
    ];

    const DENY: Self = Self::Deny;

    fn bit(self) -> u32 {
        self as u32
    }

    fn from_level(level: PolicyLevel) -> CapabilitySet<Self> {
        match level {
            PolicyLevel::Deny
            | PolicyLevel::Read
            | PolicyLevel::List
            | PolicyLevel::Write
            | PolicyLevel::Scale => CapabilitySet::EMPTY,
        }
    }

    fn with_implied(set: CapabilitySet<Self>) -> CapabilitySet<Self> {
        if set.contains(Self::Read) { set.with_capability(Self::List) } else { set }
    }
}
