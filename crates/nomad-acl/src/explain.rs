//! Which rule of which policy allows or denies a call, and what would have to be added.

mod advice;
mod print;

use std::fmt;

use http::Method;
use nomad_wire::Route;

pub use self::advice::Advice;
use crate::{
    Acl, Capability, Decision, DenyReason, Grant, NamedPolicy, Requirement, ServerRequirement,
    Subject,
    decision::Rule,
    requirement::{AnyOf, SubjectSource},
};

/// What is asked of [`explain`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// An agent or client call.
    Call(Route),
    /// Another call, by its method and path.
    Path(Method, String),
    /// One right.
    Capability(Capability),
}

/// What [`explain`] found out.
///
/// `Display` says it in a few lines, [`Explanation::to_json`] as data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// What was asked.
    pub access: Access,
    /// The object it was asked about.
    pub subject: Subject,
    /// The answer.
    pub outcome: Outcome,
    /// What would have to be done to be allowed; nothing when it is allowed.
    pub advice: Vec<Advice>,
}

/// The answer of an [`Explanation`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It is allowed.
    Allowed {
        /// By what.
        grant: Grant,
        /// The rule behind the grant, if there is one.
        rule: Option<Rule>,
    },
    /// It is denied.
    Denied(DenyReason),
    /// It depends on what only a server knows.
    ServerDecides,
}

/// Decides a question with these policies and says why.
///
/// ```
/// use nomad_acl::{Access, NamedPolicy, Policy, Subject, explain};
///
/// let policy: Policy = "namespace \"edge-*\" {\n  policy = \"read\"\n}".parse()?;
/// let policies = [NamedPolicy::new("edge", &policy).with_file("edge.hcl")];
/// let question = Access::Capability("namespace:read-logs".parse().unwrap());
/// let found = explain(&policies, question, Subject::Namespace("edge-eu".into()));
/// assert_eq!(found.to_string(), "\
/// denied: namespace:read-logs on namespace \"edge-eu\"
/// missing namespace:read-logs
/// closest rule: namespace \"edge-*\" in policy \"edge\" (edge.hcl:1:1)
/// to allow it, add:
///   namespace \"edge-*\" {
///     capabilities = [\"read-logs\"]
///   }
/// ");
/// # Ok::<(), nomad_acl::PolicyError>(())
/// ```
#[must_use]
pub fn explain(policies: &[NamedPolicy<'_>], question: Access, subject: Subject) -> Explanation {
    let acl = Acl::compile(policies.iter().copied());
    let decided = match &question {
        Access::Capability(right) => {
            Some((acl.has_capability(*right, &subject), AccessCheck::Capability(*right)))
        }
        Access::Call(route) => {
            let demanded = Requirement::for_route(route);
            Some((acl.allows(&demanded, &subject), AccessCheck::Requirement(demanded)))
        }
        Access::Path(method, path) => match ServerRequirement::for_call(method, path) {
            ServerRequirement::Capabilities(
                demanded,
                SubjectSource::Nothing
                | SubjectSource::Request
                | SubjectSource::Object
                | SubjectSource::Path,
            ) => Some((acl.allows(&demanded, &subject), AccessCheck::Requirement(demanded))),
            ServerRequirement::ServerDecides => None,
        },
    };
    let (outcome, advice) = match decided {
        None | Some((Decision::Defer { .. }, _)) => (Outcome::ServerDecides, Vec::new()),
        Some((Decision::Allow(grant), _)) => {
            let rule = acl.rule(&grant).cloned();
            (Outcome::Allowed { grant, rule }, Vec::new())
        }
        Some((Decision::Deny(reason), demanded)) => {
            let advice = advice::find(policies, demanded, &subject, &reason);
            (Outcome::Denied(reason), advice)
        }
    };
    Explanation { access: question, subject, outcome, advice }
}

/// What was demanded: one right, or what a call costs.
#[derive(Clone, Copy, Debug)]
enum AccessCheck {
    Capability(Capability),
    Requirement(Requirement),
}

impl AccessCheck {
    fn decide(self, acl: &Acl, subject: &Subject) -> Decision {
        match self {
            Self::Capability(right) => acl.has_capability(right, subject),
            Self::Requirement(requirement) => acl.allows(&requirement, subject),
        }
    }
}

impl Explanation {
    /// Whether it is allowed; `None` when the server decides.
    #[must_use]
    pub const fn is_allowed(&self) -> Option<bool> {
        match self.outcome {
            Outcome::Allowed { .. } => Some(true),
            Outcome::Denied(_) => Some(false),
            Outcome::ServerDecides => None,
        }
    }

    /// The rule that decided, if there was one.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        match &self.outcome {
            Outcome::Allowed { rule, .. } => rule.as_ref(),
            Outcome::Denied(reason) => reason.rule(),
            Outcome::ServerDecides => None,
        }
    }

    /// The rights of which one is missing.
    #[must_use]
    pub const fn missing(&self) -> Option<&AnyOf> {
        match &self.outcome {
            Outcome::Denied(reason) => Some(reason.missing()),
            Outcome::Allowed { .. } | Outcome::ServerDecides => None,
        }
    }

    /// The same as data: `question`, `subject`, `outcome` (`allowed`, `denied`, `server decides`),
    /// `missing`, `rule` with `policy`, `file`, `block`, `label`, `line` and `column`, and `advice`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        print::json(self)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::write_text(self, f)
    }
}
