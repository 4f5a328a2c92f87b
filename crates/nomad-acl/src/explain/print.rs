//! An explanation in words and as data.

use std::fmt::{self, Formatter};

use serde_json::{Value, json};

use super::{Access, Advice, Explanation, Outcome};
use crate::{DenyReason, Grant, Requirement, ServerRequirement, Subject, decision::Rule};

pub(super) fn write_text(found: &Explanation, f: &mut Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}: {}{}", outcome(found), access_text(&found.access), OnSubject(&found.subject))?;
    match &found.outcome {
        Outcome::ServerDecides => writeln!(f, "{}", ServerRequirement::ServerDecides)?,
        Outcome::Allowed { grant, rule } => {
            writeln!(f, "{}", grant_text(grant))?;
            if let Some(rule) = rule {
                writeln!(f, "deciding rule: {rule}")?;
            }
        }
        Outcome::Denied(reason) => {
            writeln!(f, "{reason}")?;
            match reason {
                DenyReason::NoRule { .. } => writeln!(f, "no rule is about it")?,
                DenyReason::Deferred { .. } => writeln!(f, "whose object it is nobody knows here")?,
                DenyReason::NotGranted { rule, .. } => writeln!(f, "closest rule: {rule}")?,
                DenyReason::Denied { rule, .. } => writeln!(f, "denied by: {rule}")?,
            }
        }
    }
    found.advice.iter().try_for_each(|advice| write_advice(advice, f))
}

fn write_advice(advice: &Advice, f: &mut Formatter<'_>) -> fmt::Result {
    match advice {
        Advice::Add(policy) => {
            writeln!(f, "to allow it, add:")?;
            policy.to_string().lines().try_for_each(|line| writeln!(f, "  {line}"))
        }
        Advice::Change(rule) => writeln!(f, "no addition allows it; change {rule}"),
        Advice::ManagementToken => writeln!(f, "no policy allows it; use a management token"),
        Advice::OtherSubject => writeln!(f, "the right is about another kind of object"),
    }
}

fn outcome(found: &Explanation) -> &'static str {
    match found.outcome {
        Outcome::Allowed { .. } => "allowed",
        Outcome::Denied(_) => "denied",
        Outcome::ServerDecides => "server decides",
    }
}

fn access_text(question: &Access) -> String {
    match question {
        Access::Capability(right) => right.to_string(),
        Access::Path(method, path) => format!("{method} {path}"),
        Access::Call(route) => match (route.method(), route.path()) {
            (Some(method), Some(path)) => format!("{method} {path}"),
            _ => "a call that is passed on".to_owned(),
        },
    }
}

fn requirement_text(question: &Access) -> String {
    match question {
        Access::Capability(right) => right.to_string(),
        Access::Path(method, path) => ServerRequirement::for_call(method, path).to_string(),
        Access::Call(route) => Requirement::for_route(route).to_string(),
    }
}

fn grant_text(grant: &Grant) -> String {
    match grant {
        Grant::NoRequirement => "nothing is demanded".to_owned(),
        Grant::Management => "a management token may do everything".to_owned(),
        Grant::AclsDisabled => "ACLs are switched off".to_owned(),
        Grant::OwnVariables => "a workload may read the variables of its own job".to_owned(),
        Grant::Rule(right, _) => format!("granted {right}"),
    }
}

/// ` on namespace "ops"`, or nothing.
struct OnSubject<'a>(&'a Subject);

impl fmt::Display for OnSubject<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Subject::Agent => Ok(()),
            Subject::Unknown => f.write_str(" on an unknown object"),
            Subject::Namespace(name) => write!(f, " on namespace {:?}", name.as_str()),
            Subject::NodePool(name) => write!(f, " on node_pool {name:?}"),
            Subject::HostVolume(name) => write!(f, " on host_volume {name:?}"),
            Subject::Variable(variable) => {
                let (namespace, path) = (variable.namespace.as_str(), &variable.path);
                write!(f, " on variable {path:?} of namespace {namespace:?}")
            }
        }
    }
}

pub(super) fn json(found: &Explanation) -> Value {
    let (why, denied) = match &found.outcome {
        Outcome::Allowed { grant, .. } => (grant_text(grant), false),
        Outcome::Denied(reason) => {
            (reason.to_string(), matches!(reason, DenyReason::Denied { .. }))
        }
        Outcome::ServerDecides => (ServerRequirement::ServerDecides.to_string(), false),
    };
    let missing = found.missing().map(|missing| {
        missing.capabilities().map(|right| json!(right.to_string())).collect::<Vec<_>>()
    });
    json!({
        "question": access_text(&found.access),
        "subject": subject(&found.subject),
        "demands": requirement_text(&found.access),
        "outcome": outcome(found),
        "why": why,
        "explicit_deny": denied,
        "missing": missing,
        "rule": found.rule().map(rule),
        "advice": found.advice.iter().map(advice).collect::<Vec<_>>(),
    })
}

fn subject(subject: &Subject) -> Value {
    match subject {
        Subject::Agent => Value::Null,
        Subject::Unknown => json!({ "unknown": true }),
        Subject::Namespace(name) => json!({ "namespace": name.as_str() }),
        Subject::NodePool(name) => json!({ "node_pool": name }),
        Subject::HostVolume(name) => json!({ "host_volume": name }),
        Subject::Variable(variable) => {
            json!({ "namespace": variable.namespace.as_str(), "path": variable.path })
        }
    }
}

fn rule(rule: &Rule) -> Value {
    let known = rule.position.is_known();
    json!({
        "policy": *rule.policy,
        "file": rule.file.as_deref(),
        "block": rule.block.as_str(),
        "namespace": (!rule.namespace.is_empty()).then_some(&*rule.namespace),
        "label": rule.block.is_labelled().then_some(&*rule.label),
        "line": known.then(|| rule.position.line()),
        "column": known.then(|| rule.position.column()),
    })
}

fn advice(advice: &Advice) -> Value {
    match advice {
        Advice::Add(policy) => json!({ "add": policy.to_string() }),
        Advice::Change(changed) => json!({ "change": rule(changed) }),
        Advice::ManagementToken => json!({ "use": "management token" }),
        Advice::OtherSubject => json!({ "ask": "about another object" }),
    }
}
