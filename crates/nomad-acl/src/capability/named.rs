//! The words of the blocks that name one thing: node pools, host volumes, variable paths.

use super::{Level, Set, Word};

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

impl Word for NodePoolCapability {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Deny, "deny"),
        (Self::Read, "read"),
        (Self::Write, "write"),
        (Self::Delete, "delete"),
    ];

    const DENY: Self = Self::Deny;

    fn bit(self) -> u32 {
        self as u32
    }

    fn of_level(level: Level) -> Set<Self> {
        match level {
            Level::Deny => Set::of(&[Self::Deny]),
            Level::Read => Set::of(&[Self::Read]),
            Level::Write => Set::of(&[Self::Read, Self::Write, Self::Delete]),
            Level::List | Level::Scale => Set::EMPTY,
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

impl Word for HostVolumeCapability {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Deny, "deny"),
        (Self::MountReadonly, "mount-readonly"),
        (Self::MountReadwrite, "mount-readwrite"),
    ];

    const DENY: Self = Self::Deny;

    fn bit(self) -> u32 {
        self as u32
    }

    fn of_level(level: Level) -> Set<Self> {
        match level {
            Level::Deny => Set::of(&[Self::Deny]),
            Level::Read => Set::of(&[Self::MountReadonly]),
            Level::Write => Set::of(&[Self::MountReadonly, Self::MountReadwrite]),
            Level::List | Level::Scale => Set::EMPTY,
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

impl Word for PathCapability {
    const WORDS: &'static [(Self, &'static str)] = &[
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

    fn of_level(level: Level) -> Set<Self> {
        match level {
            Level::Deny | Level::Read | Level::List | Level::Write | Level::Scale => Set::EMPTY,
        }
    }

    fn with_implied(set: Set<Self>) -> Set<Self> {
        if set.has(Self::Read) { set.with(Self::List) } else { set }
    }
}
