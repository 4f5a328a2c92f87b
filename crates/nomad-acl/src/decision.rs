//! The result of an authorization, with its reason.

use std::{fmt, sync::Arc};

use thiserror::Error;

use crate::{
    block::Block,
    requirement::{AnyOf, Capability},
    syntax::TextPosition,
};

/// The answer of an [`Acl`](crate::Acl).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a question is answered with yes or no, or left to somebody else"
)]
pub enum Decision {
    /// It is allowed. [`Acl::rule`](crate::Acl::rule) names the rule behind a grant.
    Allow(Grant),
    /// It is not.
    Deny(DenyReason),
    /// It cannot be decided here: it depends on an object that nobody here knows, or the agents alone decide. It is no
    /// yes. Only whoever hands the request on to an agent that decides itself may go on with it.
    Defer {
        /// The rights of which the agent will demand one.
        missing: AnyOf,
    },
}

impl Decision {
    /// Whether the answer is yes.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// Whether the answer is yes, or is left to the agent that is asked next. For whoever hands requests on; never for
    /// whoever answers them.
    #[must_use]
    pub const fn is_allowed_or_deferred(&self) -> bool {
        match self {
            Self::Allow(_) | Self::Defer { .. } => true,
            Self::Deny(_) => false,
        }
    }
}

/// Why something was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grant {
    /// The call demands nothing.
    NoRequirement,
    /// The token is a management token.
    Management,
    /// ACLs are switched off.
    AclsDisabled,
    /// A workload may list and read the variables of its own job.
    OwnVariables,
    /// A rule grants this right.
    Rule(Capability, RuleRange),
}

/// The rules that share one label: a handle that only the [`Acl`](crate::Acl) that gave it can read.
///
/// A handle instead of the rule itself, so that saying yes neither allocates nor touches a counter
/// that other threads touch too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleRange {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// Why something was denied.
///
/// `Display` names what was missing, in the words of the policy language, and no policy; the rule is
/// for logs and for whoever may read policies.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DenyReason {
    /// No rule of any policy is about the subject.
    #[error("missing {missing}")]
    NoRule {
        /// The rights of which one would have done.
        missing: AnyOf,
    },
    /// The rule that is about the subject does not grant the right.
    #[error("missing {missing}")]
    NotGranted {
        /// The rights of which one would have done.
        missing: AnyOf,
        /// The closest rule; the first of them when several share its label.
        rule: Arc<Rule>,
    },
    /// The rule that is about the subject says deny.
    #[error("missing {missing}")]
    Denied {
        /// The rights of which one would have done.
        missing: AnyOf,
        /// The rule with the deny.
        rule: Arc<Rule>,
    },
    /// It was left to somebody else, and there is nobody else.
    #[error("missing {missing}")]
    Deferred {
        /// The rights of which one would have done.
        missing: AnyOf,
    },
}

impl DenyReason {
    /// The rights of which one would have done.
    #[must_use]
    pub const fn missing(&self) -> &AnyOf {
        match self {
            Self::NoRule { missing }
            | Self::Deferred { missing }
            | Self::NotGranted { missing, .. }
            | Self::Denied { missing, .. } => missing,
        }
    }

    /// The rule that decided, if there was one.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        match self {
            Self::NoRule { .. } | Self::Deferred { .. } => None,
            Self::NotGranted { rule, .. } | Self::Denied { rule, .. } => Some(rule),
        }
    }
}

/// One rule of one policy, as it is named to people.
///
/// `Display`: `namespace "edge-*" in policy "ops" (ops.hcl:3:1)`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// The name of the policy.
    pub policy: Arc<str>,
    /// The file it was read from, if it was.
    pub file: Option<Arc<str>>,
    /// The type of block.
    pub block: Block,
    /// The label; empty for blocks without one.
    pub label: Box<str>,
    /// The namespace label around a variable path; empty elsewhere.
    pub namespace: Box<str>,
    /// Where the rule starts in its text.
    pub position: TextPosition,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "namespace {:?} ", self.namespace)?;
        }
        write!(f, "{}", self.block)?;
        if self.block.is_labelled() {
            write!(f, " {:?}", self.label)?;
        }
        write!(f, " in policy {:?}", self.policy)?;
        match (&self.file, self.position.is_known()) {
            (Some(file), true) => write!(f, " ({file}:{})", self.position),
            (Some(file), false) => write!(f, " ({file})"),
            (None, true) => write!(f, " (at {})", self.position),
            (None, false) => Ok(()),
        }
    }
}
