//! What a token may do.

mod answer;
mod ask;

use std::sync::Arc;

use crate::{
    Bearer, Decision, Requirement, Right, Subject,
    compile::{Compiled, Named, compile},
    decision::{Grant, Reason, Rule},
    requirement::AnyOf,
};

/// A compiled ACL: immutable, asked many times from many threads, cheap to clone.
///
/// ```
/// use nomad_acl::{Acl, Policy, Requirement, Subject};
/// use nomad_wire::{FsCall, Route};
///
/// let logs: Policy = r#"namespace "edge-*" { capabilities = ["read-logs"] }"#.parse()?;
/// let acl = Acl::compile([("logs", &logs)]);
///
/// let call = Route::Fs(FsCall::Logs, "13651909-dd6d-35ce-5da0-5004769668b3".into());
/// let edge = Subject::Namespace("edge-eu".into());
/// assert!(acl.allows(&Requirement::of(&call), &edge).is_allowed());
///
/// let ops = Subject::Namespace("ops".into());
/// let nomad_acl::Decision::Deny(reason) = acl.allows(&Requirement::of(&call), &ops) else { panic!() };
/// assert_eq!(reason.to_string(), "missing namespace:read-logs or namespace:read-fs");
/// # Ok::<(), nomad_acl::PolicyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Acl(Kind, Option<Arc<Bearer>>);

#[derive(Debug, Clone)]
enum Kind {
    Disabled,
    Management,
    Deferred,
    DenyAll,
    Compiled(Arc<Compiled>),
}

impl Acl {
    /// ACLs are switched off: everything is allowed but Sentinel policies, which need ACLs.
    #[must_use]
    pub const fn disabled() -> Self {
        Self(Kind::Disabled, None)
    }

    /// A management token: everything is allowed. Policies never add up to it.
    #[must_use]
    pub const fn management() -> Self {
        Self(Kind::Management, None)
    }

    /// Nothing is decided here, everything by the agents: each answer is [`Decision::Defer`]. Only for whoever hands
    /// requests on to an agent that decides; an agent itself refuses it.
    #[must_use]
    pub const fn deferred() -> Self {
        Self(Kind::Deferred, None)
    }

    /// No policy at all: only what needs no right is allowed. A token without policies has this, and
    /// so has the anonymous caller where no policy is named `anonymous`.
    #[must_use]
    pub const fn deny_all() -> Self {
        Self(Kind::DenyAll, None)
    }

    /// What a token with all of these policies may do. Their order means nothing.
    #[must_use]
    pub fn compile<'a, I>(policies: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Named<'a>>,
    {
        let policies: Vec<Named<'a>> = policies.into_iter().map(Into::into).collect();
        if policies.is_empty() {
            return Self::deny_all();
        }
        Self(Kind::Compiled(Arc::new(compile(policies))), None)
    }

    /// The same for this token, so that logs can say whose it is. It decides nothing.
    #[must_use]
    pub fn borne_by(self, bearer: Bearer) -> Self {
        Self(self.0, Some(Arc::new(bearer)))
    }

    /// Whose token this is, if that is known.
    #[must_use]
    pub const fn bearer(&self) -> Option<&Arc<Bearer>> {
        self.1.as_ref()
    }

    /// ACLs are switched off; Nomad asks for `enable_debug` instead in some places.
    #[must_use]
    pub const fn is_disabled(&self) -> bool {
        matches!(self.0, Kind::Disabled)
    }

    /// Whether nothing is asked of policies: a management token, or ACLs switched off.
    #[must_use]
    pub const fn is_management(&self) -> bool {
        matches!(self.0, Kind::Management | Kind::Disabled)
    }

    /// May the token do what this requirement demands on this subject?
    ///
    /// Nothing is allocated, and the work does not grow with the number of rules, but for patterns
    /// that share the literal they are found by.
    #[must_use]
    pub fn allows(&self, requirement: &Requirement, subject: &Subject) -> Decision {
        let mut decision = Decision::Allow(Grant::Free);
        for group in requirement.groups() {
            match (self.any_of(group, subject), &decision) {
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
    pub fn holds(&self, right: Right, subject: &Subject) -> Decision {
        self.any_of(&[right], subject)
    }

    /// May the token see what an agent shows for debugging, when ACLs cannot answer that alone?
    ///
    /// With ACLs switched off the agent's own `enable_debug` decides, else the right to read agents.
    #[must_use]
    pub fn allows_debug(&self, enabled: EnableDebug) -> bool {
        match &self.0 {
            Kind::Disabled => enabled == EnableDebug::On,
            Kind::Management => true,
            Kind::Deferred | Kind::DenyAll | Kind::Compiled(_) => {
                self.holds(Right::Agent(crate::Level::Read), &Subject::Agent).is_allowed()
            }
        }
    }

    /// The rule behind a grant: the first of its label that grants the right by itself, else the
    /// first. `None` when no rule stands behind it.
    #[must_use]
    pub fn rule(&self, grant: &Grant) -> Option<&Rule> {
        let (Kind::Compiled(compiled), Grant::Rule(right, rules)) = (&self.0, grant) else {
            return None;
        };
        ask::rule_with(compiled, *right, *rules)
    }

    fn any_of(&self, group: &[Right], subject: &Subject) -> Decision {
        let mut nearest = None;
        if *subject == Subject::Unknown && self.is_for_agent(group) {
            return Decision::Defer { missing: AnyOf::new(group) };
        }
        for right in group {
            let answer = match &self.0 {
                Kind::Disabled if matches!(right, Right::Sentinel(_)) => answer::Answer::Nothing,
                Kind::Disabled => return Decision::Allow(Grant::Disabled),
                Kind::Management => return Decision::Allow(Grant::Management),
                Kind::Deferred => return Decision::Defer { missing: AnyOf::new(group) },
                Kind::DenyAll => answer::Answer::Nothing,
                Kind::Compiled(compiled) => ask::right(compiled, *right, subject),
            };
            match answer {
                answer::Answer::Yes(grant) => return Decision::Allow(grant),
                no => nearest = nearest.or(Some(no)),
            }
        }
        Decision::Deny(self.reason(AnyOf::new(group), nearest))
    }

    /// Whether one of the rights depends on the object, so that only whoever knows the object can decide.
    fn is_for_agent(&self, group: &[Right]) -> bool {
        !self.is_management() && group.iter().any(|right| right.depends_on_object())
    }

    fn reason(&self, missing: AnyOf, answer: Option<answer::Answer>) -> Reason {
        let rule = |id: u32| match &self.0 {
            Kind::Compiled(compiled) => {
                compiled.rules.get(id as usize).map(|(_, rule)| rule.clone())
            }
            Kind::Disabled | Kind::Management | Kind::Deferred | Kind::DenyAll => None,
        };
        match answer {
            Some(answer::Answer::Denied(id)) => {
                rule(id).map_or(Reason::NoRule { missing }, |rule| Reason::Denied { missing, rule })
            }
            Some(answer::Answer::Lacks(id)) => rule(id)
                .map_or(Reason::NoRule { missing }, |rule| Reason::NotGranted { missing, rule }),
            Some(answer::Answer::Nothing | answer::Answer::Yes(_)) | None => {
                Reason::NoRule { missing }
            }
        }
    }
}

/// Two compiled ACLs are equal when they are the same one; no policy is compared, and no bearer.
impl PartialEq for Acl {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Compiled(one), Kind::Compiled(two)) => Arc::ptr_eq(one, two),
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
    use nomad_wire::{FsCall, Route};

    use super::*;
    use crate::Policy;

    #[test]
    fn what_depends_on_an_unknown_object_is_left_to_the_agent() {
        let policy: Policy = r#"namespace "*" { policy = "deny" }"#.parse().unwrap();
        let acl = Acl::compile([("none", &policy)]);
        let logs = Requirement::of(&Route::Fs(FsCall::Logs, "x".into()));
        for acl in [acl.clone(), Acl::deny_all(), Acl::deferred()] {
            let decision = acl.allows(&logs, &Subject::Unknown);
            assert!(matches!(decision, Decision::Defer { .. }), "{decision:?}");
            assert!(!decision.is_allowed() && decision.is_allowed_or_deferred());
            let read = Right::Namespace(crate::capability::Capability::ReadJob);
            assert!(!acl.holds(read, &Subject::Unknown).is_allowed());
        }
        let stats = Requirement::of(&Route::ClientStats);
        assert!(!acl.allows(&stats, &Subject::Unknown).is_allowed());
        let management = Acl::management().allows(&logs, &Subject::Unknown);
        assert_eq!(management, Decision::Allow(Grant::Management));
    }

    #[test]
    fn a_deferred_acl_shows_it_and_is_no_management_token() {
        let acl = Acl::deferred();
        let stats = Requirement::of(&Route::ClientStats);
        assert!(matches!(acl.allows(&stats, &Subject::Agent), Decision::Defer { .. }));
        assert!(!acl.is_management() && !acl.is_disabled());
        assert!(matches!(acl.holds(Right::Management, &Subject::Agent), Decision::Defer { .. }));
        assert!(!acl.allows_debug(EnableDebug::On), "nobody behind could decide about it");
    }

    #[test]
    fn one_group_that_is_left_open_leaves_the_whole_call_open_and_a_denied_one_denies_it() {
        const READ: Right = Right::Node(crate::Level::Read);
        const JOB: Right = Right::Namespace(crate::capability::Capability::ReadJob);
        let policy: Policy = "node { policy = \"read\" }".parse().unwrap();
        let acl = Acl::compile([("node", &policy)]);
        for both in [Requirement::all(&[&[READ], &[JOB]]), Requirement::all(&[&[JOB], &[READ]])] {
            let decision = acl.allows(&both, &Subject::Unknown);
            assert!(matches!(decision, Decision::Defer { .. }), "{decision:?}");
            let denied = Acl::deny_all().allows(&both, &Subject::Unknown);
            assert!(matches!(denied, Decision::Deny(_)), "{denied:?}");
        }
    }
}
