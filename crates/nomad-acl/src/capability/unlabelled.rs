//! The words of the blocks without a label: operator and sentinel.

use super::{BlockCapability, CapabilitySet, PolicyLevel};

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

impl BlockCapability for OperatorCapability {
    const ALL: &'static [(Self, &'static str)] = &[
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

    fn from_level(level: PolicyLevel) -> CapabilitySet<Self> {
        match level {
            PolicyLevel::Deny => CapabilitySet::from_slice(&[Self::Deny]),
            PolicyLevel::Read => CapabilitySet::from_slice(&[Self::LicenseRead, Self::KeyringRead]),
            PolicyLevel::Write => CapabilitySet::from_slice(&[
                Self::SnapshotSave,
                Self::LicenseRead,
                Self::KeyringRotate,
                Self::KeyringRead,
                Self::KeyringDelete,
            ]),
            PolicyLevel::List | PolicyLevel::Scale => CapabilitySet::EMPTY,
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

impl BlockCapability for SentinelCapability {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Deny, "deny"),
        (Self::SentinelRead, "sentinel-read"),
        (Self::SentinelSubmit, "sentinel-submit"),
        (Self::SentinelDelete, "sentinel-delete"),
    ];

    const DENY: Self = Self::Deny;

    fn bit(self) -> u32 {
        self as u32
    }

    fn from_level(level: PolicyLevel) -> CapabilitySet<Self> {
        match level {
            PolicyLevel::Deny => CapabilitySet::from_slice(&[Self::Deny]),
            PolicyLevel::Read => CapabilitySet::from_slice(&[Self::SentinelRead]),
            PolicyLevel::Write => CapabilitySet::from_slice(&[
                Self::SentinelRead,
                Self::SentinelSubmit,
                Self::SentinelDelete,
            ]),
            PolicyLevel::List | PolicyLevel::Scale => CapabilitySet::EMPTY,
        }
    }
}
