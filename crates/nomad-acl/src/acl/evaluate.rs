//! Evaluates one capability at a time on the compiled policies.

use crate::acl::match_result::MatchResult;
use crate::{
    AccessLevel, Capability, Subject,
    capability::{self, BlockCapability, PathCapability},
    compile::{CompiledPolicies, MergedRule, StrongestLevel},
    decision::{Grant, Rule, RuleRange},
    label_index::VariableName,
    subject::Variable,
};

/// The namespace name that asks whether *any* rule grants a right. No other block knows it.
const ANY_NAMESPACE: &str = "*";

/// What the compiled policies say to one right on one subject.
pub(super) fn evaluate(
    acl: &CompiledPolicies,
    right: Capability,
    subject: &Subject,
) -> MatchResult {
    match right {
        Capability::Agent(level) => evaluate_level(right, &acl.agent, level),
        Capability::Node(level) => evaluate_level(right, &acl.node, level),
        Capability::Quota(level) => evaluate_level(right, &acl.quota, level),
        Capability::Operator(level) => evaluate_level(right, &acl.operator.level, level),
        Capability::OperatorCapability(word) => {
            MatchResult::from_level_and_capabilities(right, &acl.operator, word)
        }
        Capability::Sentinel(word) => {
            MatchResult::from_level_and_capabilities(right, &acl.sentinel, word)
        }
        Capability::PluginRead | Capability::PluginList => evaluate_plugin(acl, right),
        Capability::Namespace(word) => with_namespace(subject, |name| {
            MatchResult::from_capability(right, namespace_rule(acl, name, word), word)
        }),
        Capability::NamespaceAny => with_namespace(subject, |name| {
            let ruling = if name == ANY_NAMESPACE {
                acl.namespaces.any_granting()
            } else {
                acl.namespaces.closest(name)
            };
            evaluate_any(right, ruling)
        }),
        Capability::NodePool(_) | Capability::NodePoolAny | Capability::NodePoolSearch => {
            evaluate_node_pool(acl, right, subject)
        }
        Capability::HostVolume(_) | Capability::HostVolumeAny => {
            evaluate_host_volume(acl, right, subject)
        }
        Capability::Variable(word) => match subject {
            Subject::Variable(asked) => evaluate_variable(acl, right, asked, word),
            _ => MatchResult::NoRule,
        },
        Capability::VariableSearch => {
            with_namespace(subject, |name| evaluate_variable_search(acl, right, name))
        }
        Capability::Management => MatchResult::NoRule,
    }
}

/// The namespace a subject is in.
fn with_namespace(subject: &Subject, ask: impl Fn(&str) -> MatchResult) -> MatchResult {
    match subject {
        Subject::Namespace(name) => ask(name.as_str()),
        Subject::Variable(variable) => ask(variable.namespace.as_str()),
        Subject::Agent | Subject::NodePool(_) | Subject::HostVolume(_) | Subject::Unknown => {
            MatchResult::NoRule
        }
    }
}

fn evaluate_level(right: Capability, found: &StrongestLevel, wanted: AccessLevel) -> MatchResult {
    let grants = match found.level {
        Some(capability::PolicyLevel::Write) => true,
        Some(capability::PolicyLevel::Read) => wanted == AccessLevel::Read,
        _ => false,
    };
    MatchResult::from_level(right, found, grants)
}

/// The plugin block is the odd one: its level `write` grants neither of its two rights.
fn evaluate_plugin(acl: &CompiledPolicies, right: Capability) -> MatchResult {
    let grants = match acl.plugin.level {
        Some(capability::PolicyLevel::Read) => true,
        Some(capability::PolicyLevel::List) => right == Capability::PluginList,
        _ => false,
    };
    MatchResult::from_level(right, &acl.plugin, grants)
}

fn namespace_rule<'a>(
    acl: &'a CompiledPolicies,
    name: &str,
    word: capability::NamespaceCapability,
) -> Option<&'a MergedRule<capability::NamespaceCapability>> {
    if name == ANY_NAMESPACE { acl.namespaces.any_with(word) } else { acl.namespaces.closest(name) }
}

fn evaluate_any<W: BlockCapability>(
    right: Capability,
    ruling: Option<&MergedRule<W>>,
) -> MatchResult {
    MatchResult::from_rule(right, ruling, |ruling| ruling.set.grants_any())
}

fn evaluate_node_pool(acl: &CompiledPolicies, right: Capability, subject: &Subject) -> MatchResult {
    match (right, subject) {
        (Capability::NodePoolSearch, _) => {
            MatchResult::from_rule(right, acl.node_pools.any_not_denying(), |_| true)
        }
        (Capability::NodePool(word), Subject::NodePool(name)) => {
            MatchResult::from_capability(right, acl.node_pools.closest(&**name), word)
        }
        (_, Subject::NodePool(name)) => evaluate_any(right, acl.node_pools.closest(&**name)),
        _ => MatchResult::NoRule,
    }
}

fn evaluate_host_volume(
    acl: &CompiledPolicies,
    right: Capability,
    subject: &Subject,
) -> MatchResult {
    let Subject::HostVolume(name) = subject else { return MatchResult::NoRule };
    let ruling = acl.host_volumes.closest(&**name);
    match right {
        Capability::HostVolume(word) => MatchResult::from_capability(right, ruling, word),
        _ => evaluate_any(right, ruling),
    }
}

/// An exact rule first, then the workload's own paths, which are final, then the closest pattern.
fn evaluate_variable(
    acl: &CompiledPolicies,
    right: Capability,
    asked: &Variable,
    word: PathCapability,
) -> MatchResult {
    let name = VariableName { namespace: asked.namespace.as_str(), path: &asked.path };
    if let Some(exact) = acl.variables.exact(name) {
        return MatchResult::from_capability(right, Some(exact), word);
    }
    let own =
        asked.workload.as_ref().is_some_and(|claim| claim.owns_path(name.namespace, name.path));
    match (own, word) {
        (true, PathCapability::List | PathCapability::Read) => {
            MatchResult::Granted(Grant::OwnVariables)
        }
        (true, _) => MatchResult::NoRule,
        (false, _) => MatchResult::from_capability(right, acl.variables.closest(name), word),
    }
}

/// Nomad compares the beginning of the stored key with the namespace, so `op` finds the rules of
/// `ops`, and rules under a pattern are found by the pattern's own text only.
fn evaluate_variable_search(
    acl: &CompiledPolicies,
    right: Capability,
    namespace: &str,
) -> MatchResult {
    let ruling = if namespace == ANY_NAMESPACE {
        acl.variables.first()
    } else {
        acl.variables.first_with_prefix(namespace)
    };
    MatchResult::from_rule(right, ruling, |_| true)
}

/// The rule of a handle that grants the right by itself, else the first of them.
pub(super) fn granting_rule(
    acl: &CompiledPolicies,
    right: Capability,
    rules: RuleRange,
) -> Option<&Rule> {
    let mask = match right {
        Capability::Namespace(word) => 1_u64 << word.bit(),
        Capability::NodePool(word) => 1 << word.bit(),
        Capability::HostVolume(word) => 1 << word.bit(),
        Capability::Variable(word) => 1 << word.bit(),
        Capability::OperatorCapability(word) => 1 << word.bit(),
        Capability::Sentinel(word) => 1 << word.bit(),
        _ => 0,
    };
    let range = acl.rules.get(rules.start as usize..rules.end as usize)?;
    let granting = range.iter().find(|(bits, _)| bits & mask != 0);
    granting.or_else(|| range.first()).map(|(_, rule)| &**rule)
}
