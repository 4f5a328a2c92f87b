//! Authorization denied.

use thiserror::Error;

use crate::DenyReason;

/// The caller may not; `Display` is Nomad's text and tells nothing of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Permission denied")]
pub struct PermissionDenied {
    /// Why: for logs, and for callers where the operator allows telling.
    pub reason: DenyReason,
}
