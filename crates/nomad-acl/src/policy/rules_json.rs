//! `RulesJSON`: the reading of a policy that the API shows beside its text.

use serde_json::{Map, Value, json};

use super::{LabelRule, LevelRule, NamespaceRule, PathRule, Policy, WideRule};
use crate::capability::{Capability, Level, Set, Word};

pub(super) fn of(policy: &Policy, raw: &str) -> Value {
    json!({
        "Namespaces": list(policy.namespaces.iter().map(namespace)),
        "NodePools": list(policy.node_pools.iter().map(|rule| Value::Object(labelled(rule)))),
        "HostVolumes": list(policy.host_volumes.iter().map(|rule| Value::Object(labelled(rule)))),
        "Agent": level(policy.agent),
        "Node": level(policy.node),
        "Operator": wide(policy.operator.as_ref()),
        "Sentinel": wide(policy.sentinel.as_ref()),
        "Quota": level(policy.quota),
        "Plugin": level(policy.plugin),
        "Raw": raw,
        "ExtraKeysHCL": null,
    })
}

/// An empty list is `null` on the wire.
fn list(values: impl Iterator<Item = Value>) -> Value {
    let values: Vec<Value> = values.collect();
    if values.is_empty() { Value::Null } else { Value::Array(values) }
}

fn namespace(rule: &NamespaceRule) -> Value {
    let mut members = labelled::<Capability>(&rule.rule);
    let paths = list(rule.variables.iter().map(path));
    let variables = if paths.is_null() { Value::Null } else { json!({ "Paths": paths }) };
    members.insert("Variables".to_owned(), variables);
    Value::Object(members)
}

fn path(rule: &PathRule) -> Value {
    json!({ "PathSpec": rule.path, "Capabilities": words(rule.set()) })
}

fn labelled<W: Word>(rule: &LabelRule<W>) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("Name".to_owned(), json!(rule.label));
    members.insert("Policy".to_owned(), spelled(rule.level));
    members.insert("Capabilities".to_owned(), expanded(rule.level, &rule.capabilities));
    members
}

fn wide<W: Word>(rule: Option<&WideRule<W>>) -> Value {
    rule.map_or(Value::Null, |rule| {
        json!({
            "Policy": spelled(rule.level),
            "Capabilities": expanded(rule.level, &rule.capabilities),
        })
    })
}

fn level(rule: Option<LevelRule>) -> Value {
    rule.map_or(Value::Null, |rule| json!({ "Policy": rule.level.as_str() }))
}

fn spelled(level: Option<Level>) -> Value {
    json!(level.map_or("", Level::as_str))
}

/// The capabilities by name first, then those of the level, then what they imply.
fn expanded<W: Word>(level: Option<Level>, capabilities: &[W]) -> Value {
    let named = Set::of(capabilities);
    let all = W::with_implied(named.union(level.map_or(Set::EMPTY, W::of_level)));
    let added = all.words().filter(|word| !named.has(*word));
    list(capabilities.iter().copied().chain(added).map(|word| json!(word.as_str())))
}

fn words<W: Word>(set: Set<W>) -> Value {
    list(set.words().map(|word| json!(word.as_str())))
}
