//! Every check on the compiled form, right by right.

use super::answer::Answer;
use crate::{
    Level, Right, Subject,
    capability::{self, PathCapability, Word},
    closest::VariableName,
    compile::{Compiled, Leveled, Ruling},
    decision::{Grant, Rule, Rules},
    subject::Variable,
};

/// The namespace name that asks whether *any* rule grants a right. No other block knows it.
const ANY_NAMESPACE: &str = "*";

/// What the compiled policies say to one right on one subject.
pub(super) fn right(acl: &Compiled, right: Right, subject: &Subject) -> Answer {
    match right {
        Right::Agent(level) => leveled(right, &acl.agent, level),
        Right::Node(level) => leveled(right, &acl.node, level),
        Right::Quota(level) => leveled(right, &acl.quota, level),
        Right::Operator(level) => leveled(right, &acl.operator.level, level),
        Right::OperatorCapability(word) => Answer::capable(right, &acl.operator, word),
        Right::Sentinel(word) => Answer::capable(right, &acl.sentinel, word),
        Right::PluginRead | Right::PluginList => plugin(acl, right),
        Right::Namespace(word) => {
            with_namespace(subject, |name| Answer::word(right, namespace(acl, name, word), word))
        }
        Right::NamespaceAny => with_namespace(subject, |name| {
            let ruling = if name == ANY_NAMESPACE {
                acl.namespaces.any_granting()
            } else {
                acl.namespaces.about(name)
            };
            any(right, ruling)
        }),
        Right::NodePool(_) | Right::NodePoolAny | Right::NodePoolSearch => {
            node_pool(acl, right, subject)
        }
        Right::HostVolume(_) | Right::HostVolumeAny => host_volume(acl, right, subject),
        Right::Variable(word) => match subject {
            Subject::Variable(asked) => variable(acl, right, asked, word),
            _ => Answer::Nothing,
        },
        Right::VariableSearch => with_namespace(subject, |name| search(acl, right, name)),
        Right::Management => Answer::Nothing,
    }
}

/// The namespace a subject is in.
fn with_namespace(subject: &Subject, ask: impl Fn(&str) -> Answer) -> Answer {
    match subject {
        Subject::Namespace(name) => ask(name.as_str()),
        Subject::Variable(variable) => ask(variable.namespace.as_str()),
        Subject::Agent | Subject::NodePool(_) | Subject::HostVolume(_) | Subject::Unknown => {
            Answer::Nothing
        }
    }
}

fn leveled(right: Right, found: &Leveled, wanted: Level) -> Answer {
    let grants = match found.level {
        Some(capability::Level::Write) => true,
        Some(capability::Level::Read) => wanted == Level::Read,
        _ => false,
    };
    Answer::level(right, found, grants)
}

/// The plugin block is the odd one: its level `write` grants neither of its two rights.
fn plugin(acl: &Compiled, right: Right) -> Answer {
    let grants = match acl.plugin.level {
        Some(capability::Level::Read) => true,
        Some(capability::Level::List) => right == Right::PluginList,
        _ => false,
    };
    Answer::level(right, &acl.plugin, grants)
}

fn namespace<'a>(
    acl: &'a Compiled,
    name: &str,
    word: capability::Capability,
) -> Option<&'a Ruling<capability::Capability>> {
    if name == ANY_NAMESPACE { acl.namespaces.any_with(word) } else { acl.namespaces.about(name) }
}

fn any<W: Word>(right: Right, ruling: Option<&Ruling<W>>) -> Answer {
    Answer::of(right, ruling, |ruling| ruling.set.grants_any())
}

fn node_pool(acl: &Compiled, right: Right, subject: &Subject) -> Answer {
    match (right, subject) {
        (Right::NodePoolSearch, _) => Answer::of(right, acl.node_pools.any_not_denying(), |_| true),
        (Right::NodePool(word), Subject::NodePool(name)) => {
            Answer::word(right, acl.node_pools.about(&**name), word)
        }
        (_, Subject::NodePool(name)) => any(right, acl.node_pools.about(&**name)),
        _ => Answer::Nothing,
    }
}

fn host_volume(acl: &Compiled, right: Right, subject: &Subject) -> Answer {
    let Subject::HostVolume(name) = subject else { return Answer::Nothing };
    let ruling = acl.host_volumes.about(&**name);
    match right {
        Right::HostVolume(word) => Answer::word(right, ruling, word),
        _ => any(right, ruling),
    }
}

/// An exact rule first, then the workload's own paths, which are final, then the closest pattern.
fn variable(acl: &Compiled, right: Right, asked: &Variable, word: PathCapability) -> Answer {
    let name = VariableName { namespace: asked.namespace.as_str(), path: &asked.path };
    if let Some(exact) = acl.variables.exactly(name) {
        return Answer::word(right, Some(exact), word);
    }
    let own = asked.claim.as_ref().is_some_and(|claim| claim.covers(name.namespace, name.path));
    match (own, word) {
        (true, PathCapability::List | PathCapability::Read) => Answer::Yes(Grant::OwnVariables),
        (true, _) => Answer::Nothing,
        (false, _) => Answer::word(right, acl.variables.about(name), word),
    }
}

/// Nomad compares the beginning of the stored key with the namespace, so `op` finds the rules of
/// `ops`, and rules under a pattern are found by the pattern's own text only.
fn search(acl: &Compiled, right: Right, namespace: &str) -> Answer {
    let ruling = if namespace == ANY_NAMESPACE {
        acl.variables.first()
    } else {
        acl.variables.starting_with(namespace)
    };
    Answer::of(right, ruling, |_| true)
}

/// The rule of a handle that grants the right by itself, else the first of them.
pub(super) fn rule_with(acl: &Compiled, right: Right, rules: Rules) -> Option<&Rule> {
    let mask = match right {
        Right::Namespace(word) => 1_u64 << word.bit(),
        Right::NodePool(word) => 1 << word.bit(),
        Right::HostVolume(word) => 1 << word.bit(),
        Right::Variable(word) => 1 << word.bit(),
        Right::OperatorCapability(word) => 1 << word.bit(),
        Right::Sentinel(word) => 1 << word.bit(),
        _ => 0,
    };
    let range = acl.rules.get(rules.from as usize..rules.to as usize)?;
    let granting = range.iter().find(|(bits, _)| bits & mask != 0);
    granting.or_else(|| range.first()).map(|(_, rule)| &**rule)
}
