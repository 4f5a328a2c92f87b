//! An explanation in words and as data.

use std::fmt::{self, Formatter};

use serde_json::{Value, json};

use super::{Advice, Explanation, Outcome, Question};
use crate::{Demand, Grant, Reason, Requirement, Subject, decision::Rule};

pub(super) fn text(found: &Explanation, f: &mut Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}: {}{}", outcome(found), question(&found.question), About(&found.subject))?;
    match &found.outcome {
        Outcome::ServerDecides => writeln!(f, "{}", Demand::ServerDecides)?,
        Outcome::Allowed { grant, rule } => {
            writeln!(f, "{}", granted(grant))?;
            if let Some(rule) = rule {
                writeln!(f, "deciding rule: {rule}")?;
            }
        }
        Outcome::Denied(reason) => {
            writeln!(f, "{reason}")?;
            match reason {
                Reason::NoRule { .. } => writeln!(f, "no rule is about it")?,
                Reason::Undecided { .. } => writeln!(f, "whose object it is nobody knows here")?,
                Reason::NotGranted { rule, .. } => writeln!(f, "closest rule: {rule}")?,
                Reason::Denied { rule, .. } => writeln!(f, "denied by: {rule}")?,
            }
        }
    }
    found.advice.iter().try_for_each(|advice| advise(advice, f))
}

fn advise(advice: &Advice, f: &mut Formatter<'_>) -> fmt::Result {
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

fn question(question: &Question) -> String {
    match question {
        Question::Right(right) => right.to_string(),
        Question::Path(method, path) => format!("{method} {path}"),
        Question::Call(route) => match (route.method(), route.path()) {
            (Some(method), Some(path)) => format!("{method} {path}"),
            _ => "a call that is passed on".to_owned(),
        },
    }
}

fn demanded(question: &Question) -> String {
    match question {
        Question::Right(right) => right.to_string(),
        Question::Path(method, path) => Demand::of(method, path).to_string(),
        Question::Call(route) => Requirement::of(route).to_string(),
    }
}

fn granted(grant: &Grant) -> String {
    match grant {
        Grant::Free => "nothing is demanded".to_owned(),
        Grant::Management => "a management token may do everything".to_owned(),
        Grant::Disabled => "ACLs are switched off".to_owned(),
        Grant::OwnVariables => "a workload may read the variables of its own job".to_owned(),
        Grant::Rule(right, _) => format!("granted {right}"),
    }
}

/// ` on namespace "ops"`, or nothing.
struct About<'a>(&'a Subject);

impl fmt::Display for About<'_> {
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
        Outcome::Allowed { grant, .. } => (granted(grant), false),
        Outcome::Denied(reason) => (reason.to_string(), matches!(reason, Reason::Denied { .. })),
        Outcome::ServerDecides => (Demand::ServerDecides.to_string(), false),
    };
    let missing = found
        .missing()
        .map(|missing| missing.rights().map(|right| json!(right.to_string())).collect::<Vec<_>>());
    json!({
        "question": question(&found.question),
        "subject": subject(&found.subject),
        "demands": demanded(&found.question),
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
    let known = rule.place.is_known();
    json!({
        "policy": *rule.policy,
        "file": rule.file.as_deref(),
        "block": rule.block.as_str(),
        "namespace": (!rule.namespace.is_empty()).then_some(&*rule.namespace),
        "label": rule.block.is_labelled().then_some(&*rule.label),
        "line": known.then(|| rule.place.line()),
        "column": known.then(|| rule.place.column()),
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
