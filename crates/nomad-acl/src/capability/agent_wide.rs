//! The words of the blocks without a label: operator and sentinel.

use super::{Level, Set, Word};

/// A capability of the `operator` block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OperatorCapability {
    /// Withdraws the other capabilities, but not a level of `write`.
    Deny,
    /// Take a snapshot of the servers' state.
    SnapshotSave,
    /// Read the license (Enterprise).
    LicenseRead,
    /// Rotate the encryption keys.
    KeyringRotate,
    /// List the encryption keys.
    KeyringRead,
    /// Delete an encryption key.
    KeyringDelete,
}

impl Word for OperatorCapability {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Deny, "deny"),
        (Self::SnapshotSave, "snapshot-save"),
        (Self::LicenseRead, "license-read"),
        (Self::KeyringRotate, "keyring-rotate"),
        (Self::KeyringRead, "keyring-read"),
        (Self::KeyringDelete, "keyring-delete"),
    ];

    const DENY: Self = Self::Deny;

    fn bit(self) -> u32 {
        self as u32
    }

    fn of_level(level: Level) -> Set<Self> {
        match level {
            Level::Deny => Set::of(&[Self::Deny]),
            Level::Read => Set::of(&[Self::LicenseRead, Self::KeyringRead]),
            Level::Write => Set::of(&[
                Self::SnapshotSave,
                Self::LicenseRead,
                Self::KeyringRotate,
                Self::KeyringRead,
                Self::KeyringDelete,
            ]),
            Level::List | Level::Scale => Set::EMPTY,
        }
    }
}

/// A capability of the `sentinel` block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SentinelCapability {
    /// Withdraws the other capabilities, but not a level of `write`.
    Deny,
    /// Read Sentinel policies (Enterprise).
    SentinelRead,
    /// Write Sentinel policies (Enterprise).
    SentinelSubmit,
    /// Delete Sentinel policies (Enterprise).
    SentinelDelete,
}

impl Word for SentinelCapability {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Deny, "deny"),
        (Self::SentinelRead, "sentinel-read"),
        (Self::SentinelSubmit, "sentinel-submit"),
        (Self::SentinelDelete, "sentinel-delete"),
    ];

    const DENY: Self = Self::Deny;

    fn bit(self) -> u32 {
        self as u32
    }

    fn of_level(level: Level) -> Set<Self> {
        match level {
            Level::Deny => Set::of(&[Self::Deny]),
            Level::Read => Set::of(&[Self::SentinelRead]),
            Level::Write => {
                Set::of(&[Self::SentinelRead, Self::SentinelSubmit, Self::SentinelDelete])
            }
            Level::List | Level::Scale => Set::EMPTY,
        }
    }
}
