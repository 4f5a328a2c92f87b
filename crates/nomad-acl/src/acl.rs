//! What a token may do.

mod evaluate;
mod match_result;

use std::sync::Arc;

use crate::{
    Capability, Decision, Requirement, Subject, TokenInfo,
    compile::{CompiledPolicies, NamedPolicy, compile},
    decision::{DenyReason, Grant, Rule},
    requirement::AnyOf,
};

/// A compiled ACL: immutable, asked many times from many threads, cheap to clone.
///
/// ```
/// use nomad_acl::{Acl, Policy, Requirement, Subject};
/// use nomad_wire::{FsRoute, Route};
///
/// let logs: Policy = r#"namespace "edge-*" { capabilities = ["read-logs"] }"#.parse()?;
/// let acl = Acl::compile([("logs", &logs)]);
///
/// let call = Route::Fs(FsRoute::Logs, "13651909-dd6d-35ce-5da0-5004769668b3".into());
/// let edge = Subject::Namespace("edge-eu".into());
/// assert!(acl.allows(&Requirement::for_route(&call), &edge).is_allowed());
///
/// let ops = Subject::Namespace("ops".into());
/// let nomad_acl::Decision::Deny(reason) = acl.allows(&Requirement::for_route(&call), &ops) else { panic!() };
/// assert_eq!(reason.to_string(), "missing namespace:read-logs or namespace:read-fs");
/// # Ok::<(), nomad_acl::PolicyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Acl(AclKind, Option<Arc<TokenInfo>>);

#[derive(Debug, Clone)]
enum AclKind {
    Disabled,
    Management,
    Deferred,
    DenyAll,
    Compiled(Arc<CompiledPolicies>),
}

impl Acl {
    /// ACLs are switched off: everything is allowed but Sentinel policies, which need ACLs.
    #[must_use]
    pub const fn disabled() -> Self {
        Self(AclKind::Disabled, None)
    }

    /// A management token: everything is allowed. Policies never add up to it.
    #[must_use]
    pub const fn management() -> Self {
        Self(AclKind::Management, None)
    }

    /// Nothing is decided here, everything by the agents: each answer is [`Decision::Defer`]. Only for whoever hands
    /// requests on to an agent that decides; an agent itself refuses it.
    #[must_use]
    pub const fn deferred() -> Self {
        Self(AclKind::Deferred, None)
    }

    /// No policy at all: only what needs no right is allowed. A token without policies has this, and
    /// so has the anonymous caller where no policy is named `anonymous`.
    #[must_use]
    pub const fn deny_all() -> Self {
        Self(AclKind::DenyAll, None)
    }

    /// What a token with all of these policies may do. Their order means nothing.
    #[must_use]
    pub fn compile<'a, I>(policies: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<NamedPolicy<'a>>,
    {
        let policies: Vec<NamedPolicy<'a>> = policies.into_iter().map(Into::into).collect();
        if policies.is_empty() {
            return Self::deny_all();
        }
        Self(AclKind::Compiled(Arc::new(compile(policies))), None)
    }

    /// The same for this token, so that logs can say whose it is. It decides nothing.
    #[must_use]
    pub fn with_token_info(self, bearer: TokenInfo) -> Self {
        Self(self.0, Some(Arc::new(bearer)))
    }

    /// Whose token this is, if that is known.
    #[must_use]
    pub const fn token_info(&self) -> Option<&Arc<TokenInfo>> {
        self.1.as_ref()
    }

    /// ACLs are switched off; Nomad asks for `enable_debug` instead in some places.
    #[must_use]
    pub const fn is_disabled(&self) -> bool {
        matches!(self.0, AclKind::Disabled)
    }

    /// Whether nothing is asked of policies: a management token, or ACLs switched off.
    #[must_use]
    pub const fn is_management(&self) -> bool {
        matches!(self.0, AclKind::Management | AclKind::Disabled)
    }

    /// May the token do what this requirement demands on this subject?
    ///
    /// Nothing is allocated, and the work does not grow with the number of rules, but for patterns
    /// that share the literal they are found by.
    #[must_use]
    pub fn allows(&self, requirement: &Requirement, subject: &Subject) -> Decision {
        let mut decision = Decision::Allow(Grant::NoRequirement);
        for group in requirement.groups() {
            match (self.decide_any(group, subject), &decision) {
                (denied @ Decision::Deny(_), _) => return denied,
                // A group that is left open leaves it all open.
                (Decision::Allow(_), Decision::Defer { .. }) => {}
                (next @ (Decision::Allow(_) | Decision::Defer { .. }), _) => decision = next,
            }
        }
        decision
    }

    /// Does the token hold this right on this subject?
    #[must_use]
    pub fn has_capability(&self, right: Capability, subject: &Subject) -> Decision {
        self.decide_any(&[right], subject)
    }

    /// May the token see what an agent shows for debugging, when ACLs cannot answer that alone?
    ///
    /// With ACLs switched off the agent's own `enable_debug` decides, else the right to read agents.
    #[must_use]
    pub fn allows_debug(&self, enabled: EnableDebug) -> bool {
        match &self.0 {
            AclKind::Disabled => enabled == EnableDebug::On,
            AclKind::Management => true,
            AclKind::Deferred | AclKind::DenyAll | AclKind::Compiled(_) => self
                .has_capability(Capability::Agent(crate::AccessLevel::Read), &Subject::Agent)
                .is_allowed(),
        }
    }

    /// The rule behind a grant: the first of its label that grants the right by itself, else the
    /// first. `None` when no rule stands behind it.
    #[must_use]
    pub fn rule(&self, grant: &Grant) -> Option<&Rule> {
        let (AclKind::Compiled(compiled), Grant::Rule(right, rules)) = (&self.0, grant) else {
            return None;
        };
        evaluate::granting_rule(compiled, *right, *rules)
    }

    fn decide_any(&self, group: &[Capability], subject: &Subject) -> Decision {
        let mut nearest = None;
        if *subject == Subject::Unknown && self.must_defer(group) {
            return Decision::Defer { missing: AnyOf::new(group) };
        }
        for right in group {
            let answer = match &self.0 {
                AclKind::Disabled if matches!(right, Capability::Sentinel(_)) => {
                    match_result::MatchResult::NoRule
                }
                AclKind::Disabled => return Decision::Allow(Grant::AclsDisabled),
                AclKind::Management => return Decision::Allow(Grant::Management),
                AclKind::Deferred => return Decision::Defer { missing: AnyOf::new(group) },
                AclKind::DenyAll => match_result::MatchResult::NoRule,
                AclKind::Compiled(compiled) => evaluate::evaluate(compiled, *right, subject),
            };
            match answer {
                match_result::MatchResult::Granted(grant) => return Decision::Allow(grant),
                no => nearest = nearest.or(Some(no)),
            }
        }
        Decision::Deny(self.deny_reason(AnyOf::new(group), nearest))
    }

    /// Whether one of the rights depends on the object, so that only whoever knows the object can decide.
    fn must_defer(&self, group: &[Capability]) -> bool {
        !self.is_management() && group.iter().any(|right| right.depends_on_subject())
    }

    fn deny_reason(&self, missing: AnyOf, answer: Option<match_result::MatchResult>) -> DenyReason {
        let rule = |id: u32| match &self.0 {
            AclKind::Compiled(compiled) => {
                compiled.rules.get(id as usize).map(|(_, rule)| rule.clone())
            }
            AclKind::Disabled | AclKind::Management | AclKind::Deferred | AclKind::DenyAll => None,
        };
        match answer {
            Some(match_result::MatchResult::Denied(id)) => {
                rule(id).map_or(DenyReason::NoRule { missing }, |rule| DenyReason::Denied {
                    missing,
                    rule,
                })
            }
            Some(match_result::MatchResult::NotGranted(id)) => {
                rule(id).map_or(DenyReason::NoRule { missing }, |rule| DenyReason::NotGranted {
                    missing,
                    rule,
                })
            }
            Some(match_result::MatchResult::NoRule | match_result::MatchResult::Granted(_))
            | None => DenyReason::NoRule { missing },
        }
    }
}

/// Two compiled ACLs are equal when they are the same one; no policy is compared, and no bearer.
impl PartialEq for Acl {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (AclKind::Compiled(one), AclKind::Compiled(two)) => Arc::ptr_eq(one, two),
            (one, two) => std::mem::discriminant(one) == std::mem::discriminant(two),
        }
    }
}

impl Eq for Acl {}

/// The agent's `enable_debug`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a switch has two positions")]
pub enum EnableDebug {
    /// Debugging is on.
    On,
    /// Debugging is off.
    Off,
}

#[cfg(test)]
mod tests {
    use nomad_wire::{FsRoute, Route};

    use super::*;
    use crate::Policy;

    #[test]
    fn what_depends_on_an_unknown_object_is_left_to_the_agent() {
        let policy: Policy = r#"namespace "*" { policy = "deny" }"#.parse().unwrap();
        let acl = Acl::compile([("none", &policy)]);
        let logs = Requirement::for_route(&Route::Fs(FsRoute::Logs, "x".into()));
        for acl in [acl.clone(), Acl::deny_all(), Acl::deferred()] {
            let decision = acl.allows(&logs, &Subject::Unknown);
            assert!(matches!(decision, Decision::Defer { .. }), "{decision:?}");
            assert!(!decision.is_allowed() && decision.is_allowed_or_deferred());
            let read = Capability::Namespace(crate::capability::NamespaceCapability::ReadJob);
            assert!(!acl.has_capability(read, &Subject::Unknown).is_allowed());
        }
        let stats = Requirement::for_route(&Route::ClientStats);
        assert!(!acl.allows(&stats, &Subject::Unknown).is_allowed());
        let management = Acl::management().allows(&logs, &Subject::Unknown);
        assert_eq!(management, Decision::Allow(Grant::Management));
    }

    #[test]
    fn a_deferred_acl_shows_it_and_is_no_management_token() {
        let acl = Acl::deferred();
        let stats = Requirement::for_route(&Route::ClientStats);
        assert!(matches!(acl.allows(&stats, &Subject::Agent), Decision::Defer { .. }));
        assert!(!acl.is_management() && !acl.is_disabled());
        assert!(matches!(
            acl.has_capability(Capability::Management, &Subject::Agent),
            Decision::Defer { .. }
        ));
        assert!(!acl.allows_debug(EnableDebug::On), "nobody behind could decide about it");
    }

    #[test]
    fn one_group_that_is_left_open_leaves_the_whole_call_open_and_a_denied_one_denies_it() {
        const READ: Capability = Capability::Node(crate::AccessLevel::Read);
        const JOB: Capability =
            Capability::Namespace(crate::capability::NamespaceCapability::ReadJob);
        let policy: Policy = "node { policy = \"read\" }".parse().unwrap();
        let acl = Acl::compile([("node", &policy)]);
        for both in [Requirement::new(&[&[READ], &[JOB]]), Requirement::new(&[&[JOB], &[READ]])] {
            let decision = acl.allows(&both, &Subject::Unknown);
            assert!(matches!(decision, Decision::Defer { .. }), "{decision:?}");
            let denied = Acl::deny_all().allows(&both, &Subject::Unknown);
            assert!(matches!(denied, Decision::Deny(_)), "{denied:?}");
        }
    }
}
