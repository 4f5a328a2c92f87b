//! `RulesJSON`: the reading of a policy that the API shows beside its text.

use serde_json::{Map, Value, json};

use super::{LabelRule, LevelRule, NamespaceRule, PathRule, Policy, UnlabelledRule};
use crate::capability::{BlockCapability, CapabilitySet, NamespaceCapability, PolicyLevel};

pub(super) fn to_rules_json(policy: &Policy, raw: &str) -> Value {
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
    let mut members = labelled::<NamespaceCapability>(&rule.rule);
    let paths = list(rule.variables.iter().map(path));
    let variables = if paths.is_null() { Value::Null } else { json!({ "Paths": paths }) };
    members.insert("Variables".to_owned(), variables);
    Value::Object(members)
}

fn path(rule: &PathRule) -> Value {
    json!({ "PathSpec": rule.path, "Capabilities": capability_names(rule.capability_set()) })
}

fn labelled<W: BlockCapability>(rule: &LabelRule<W>) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("Name".to_owned(), json!(rule.label));
    members.insert("Policy".to_owned(), level_name(rule.level));
    members.insert("Capabilities".to_owned(), expand_capabilities(rule.level, &rule.capabilities));
    members
}

fn wide<W: BlockCapability>(rule: Option<&UnlabelledRule<W>>) -> Value {
    rule.map_or(Value::Null, |rule| {
        json!({
            "Policy": level_name(rule.level),
            "Capabilities": expand_capabilities(rule.level, &rule.capabilities),
        })
    })
}

fn level(rule: Option<LevelRule>) -> Value {
    rule.map_or(Value::Null, |rule| json!({ "Policy": rule.level.as_str() }))
}

fn level_name(level: Option<PolicyLevel>) -> Value {
    json!(level.map_or("", PolicyLevel::as_str))
}

/// The capabilities by name first, then those of the level, then what they imply.
fn expand_capabilities<W: BlockCapability>(
    level: Option<PolicyLevel>,
    capabilities: &[W],
) -> Value {
    let named = CapabilitySet::from_slice(capabilities);
    let all = W::with_implied(named.union(level.map_or(CapabilitySet::EMPTY, W::from_level)));
    let added = all.iter().filter(|word| !named.contains(*word));
    list(capabilities.iter().copied().chain(added).map(|word| json!(word.as_str())))
}

fn capability_names<W: BlockCapability>(set: CapabilitySet<W>) -> Value {
    list(set.iter().map(|word| json!(word.as_str())))
}
