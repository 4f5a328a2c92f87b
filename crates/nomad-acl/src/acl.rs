//! What a token may do.

use crate::{Decision, Reason, Requirement, Subject};

/// A compiled ACL: asked many times, cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Disabled,
    Management,
    DenyAll,
}

impl Acl {
    /// ACLs are switched off: everything is allowed.
    #[must_use]
    pub const fn disabled() -> Self {
        Self(Kind::Disabled)
    }

    /// A management token: everything is allowed.
    #[must_use]
    pub const fn management() -> Self {
        Self(Kind::Management)
    }

    /// No policy at all: only what needs no right is allowed.
    #[must_use]
    pub const fn deny_all() -> Self {
        Self(Kind::DenyAll)
    }

    /// ACLs are switched off; Nomad asks for `enable_debug` instead in some places.
    #[must_use]
    pub const fn is_disabled(&self) -> bool {
        matches!(self.0, Kind::Disabled)
    }

    /// May the token do what this requirement demands on this subject?
    #[must_use]
    pub fn allows(&self, requirement: &Requirement, _subject: &Subject) -> Decision {
        match (&self.0, requirement.first_right()) {
            (Kind::Disabled | Kind::Management, _) | (Kind::DenyAll, None) => Decision::Allow,
            (Kind::DenyAll, Some(missing)) => Decision::Deny(Reason::Missing(missing)),
        }
    }
}
