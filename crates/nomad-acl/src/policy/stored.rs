//! A policy as a server holds it: its text, and beside it the server's own reading of that text.

use serde::Deserialize;
use serde_json::Value;

use super::{LabelRule, LevelRule, NamespaceRule, PathRule, Policy, UnlabelledRule};
use crate::{
    capability::{BlockCapability, PolicyLevel},
    error::PolicyError,
};

/// What could be read of a policy that a server holds.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "a policy, and where it comes from")]
pub struct StoredPolicy {
    /// The policy, as far as it could be read.
    pub policy: Policy,
    /// Where it comes from.
    pub source: PolicySource,
}

/// Where a [`StoredPolicy`] policy comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two texts, or neither can be read")]
pub enum PolicySource {
    /// From its text.
    Text,
    /// Its text cannot be read; this is the server's reading of it (`RulesJSON`). Words that are not known grant nothing,
    /// levels that are not known deny.
    RulesJson(PolicyError),
    /// Neither can be read. It grants nothing and denies all rights on agents, which no agent decides about once more
    /// where an edge alone asks for them; what else it may deny the agents know.
    Unreadable(PolicyError),
}

impl Policy {
    /// Reads a policy that a server holds. Other policies of a token count also when this one cannot be read.
    ///
    /// ```
    /// use nomad_acl::{Policy, PolicySource};
    ///
    /// let newer = r#"agent { policy = "read" } namespace "a" { capabilities = ["fly", "read-job"] }"#;
    /// let json = serde_json::json!({
    ///     "Namespaces": [{ "Name": "a", "Policy": "", "Capabilities": ["fly", "read-job"] }],
    ///     "Agent": { "Policy": "read" },
    /// });
    /// let stored = Policy::from_stored(newer, Some(&json));
    /// assert!(matches!(stored.source, PolicySource::RulesJson(_)));
    /// assert_eq!(stored.policy.namespaces()[0].rule.capabilities.len(), 1);
    /// ```
    #[must_use]
    pub fn from_stored(rules: &str, rules_json: Option<&Value>) -> StoredPolicy {
        let error = match rules.parse() {
            Ok(policy) => return StoredPolicy { policy, source: PolicySource::Text },
            Err(error) => error,
        };
        match rules_json.and_then(|json| RulesJson::deserialize(json).ok()) {
            Some(rules) => {
                StoredPolicy { policy: rules.policy(), source: PolicySource::RulesJson(error) }
            }
            None => {
                let agent = Some(LevelRule::new(PolicyLevel::Deny));
                let policy = Self { agent, ..Self::default() };
                StoredPolicy { policy, source: PolicySource::Unreadable(error) }
            }
        }
    }
}

/// `RulesJSON`, with the levels expanded already.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct RulesJson {
    namespaces: Option<Vec<Labelled>>,
    node_pools: Option<Vec<Labelled>>,
    host_volumes: Option<Vec<Labelled>>,
    agent: Option<Unlabelled>,
    node: Option<Unlabelled>,
    operator: Option<Unlabelled>,
    sentinel: Option<Unlabelled>,
    quota: Option<Unlabelled>,
    plugin: Option<Unlabelled>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Labelled {
    name: String,
    policy: String,
    capabilities: Option<Vec<String>>,
    variables: Option<Variables>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Variables {
    paths: Option<Vec<Path>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Path {
    path_spec: String,
    capabilities: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Unlabelled {
    policy: String,
    capabilities: Option<Vec<String>>,
}

impl RulesJson {
    fn policy(self) -> Policy {
        let labelled = |rules: Option<Vec<Labelled>>| rules.unwrap_or_default().into_iter();
        Policy {
            namespaces: labelled(self.namespaces).map(Labelled::namespace).collect(),
            node_pools: labelled(self.node_pools).map(|rule| rule.rule()).collect(),
            host_volumes: labelled(self.host_volumes).map(|rule| rule.rule()).collect(),
            agent: self.agent.map(|rule| rule.level()),
            node: self.node.map(|rule| rule.level()),
            operator: self.operator.map(|rule| rule.rule()),
            sentinel: self.sentinel.map(|rule| rule.rule()),
            quota: self.quota.map(|rule| rule.level()),
            plugin: self.plugin.map(|rule| rule.level()),
        }
    }
}

impl Labelled {
    fn rule<W: BlockCapability>(&self) -> LabelRule<W> {
        LabelRule::new(
            &self.name,
            level(&self.policy),
            &parse_capabilities(self.capabilities.as_deref()),
        )
    }

    fn namespace(self) -> NamespaceRule {
        let paths = self.variables.as_ref().and_then(|variables| variables.paths.as_deref());
        let path = |path: &Path| {
            PathRule::new(&path.path_spec, &parse_capabilities(path.capabilities.as_deref()))
        };
        NamespaceRule::new(self.rule(), paths.unwrap_or_default().iter().map(path).collect())
    }
}

impl Unlabelled {
    fn level(&self) -> LevelRule {
        LevelRule::new(level(&self.policy).unwrap_or(PolicyLevel::Deny))
    }

    fn rule<W: BlockCapability>(&self) -> UnlabelledRule<W> {
        UnlabelledRule::new(level(&self.policy), &parse_capabilities(self.capabilities.as_deref()))
    }
}

/// No level where none is written; one that is not known must not open anything.
fn level(text: &str) -> Option<PolicyLevel> {
    (!text.is_empty()).then(|| PolicyLevel::parse(text).unwrap_or(PolicyLevel::Deny))
}

fn parse_capabilities<W: BlockCapability>(written: Option<&[String]>) -> Vec<W> {
    written.unwrap_or_default().iter().filter_map(|word| W::parse(word)).collect()
}
