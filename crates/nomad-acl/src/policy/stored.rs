//! A policy as a server holds it: its text, and beside it the server's own reading of that text.

use serde::Deserialize;
use serde_json::Value;

use super::{LabelRule, LevelRule, NamespaceRule, PathRule, Policy, WideRule};
use crate::{
    capability::{Level, Word},
    error::PolicyError,
};

/// What could be read of a policy that a server holds.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "a policy, and where it comes from")]
pub struct Stored {
    /// The policy, as far as it could be read.
    pub policy: Policy,
    /// Where it comes from.
    pub reading: Reading,
}

/// Where a [`Stored`] policy comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two texts, or neither can be read")]
pub enum Reading {
    /// From its text.
    Text,
    /// Its text cannot be read; this is the server's reading of it (`RulesJSON`). Words that are not known grant nothing,
    /// levels that are not known deny.
    RulesJson(PolicyError),
    /// Neither can be read. It grants nothing and denies all rights on agents, which no agent decides about once more
    /// where an edge alone asks for them; what else it may deny the agents know.
    Nothing(PolicyError),
}

impl Policy {
    /// Reads a policy that a server holds. Other policies of a token count also when this one cannot be read.
    ///
    /// ```
    /// use nomad_acl::{Policy, Reading};
    ///
    /// let newer = r#"agent { policy = "read" } namespace "a" { capabilities = ["fly", "read-job"] }"#;
    /// let json = serde_json::json!({
    ///     "Namespaces": [{ "Name": "a", "Policy": "", "Capabilities": ["fly", "read-job"] }],
    ///     "Agent": { "Policy": "read" },
    /// });
    /// let stored = Policy::stored(newer, Some(&json));
    /// assert!(matches!(stored.reading, Reading::RulesJson(_)));
    /// assert_eq!(stored.policy.namespaces()[0].rule.capabilities.len(), 1);
    /// ```
    #[must_use]
    pub fn stored(rules: &str, rules_json: Option<&Value>) -> Stored {
        let error = match rules.parse() {
            Ok(policy) => return Stored { policy, reading: Reading::Text },
            Err(error) => error,
        };
        match rules_json.and_then(|json| Rules::deserialize(json).ok()) {
            Some(rules) => Stored { policy: rules.policy(), reading: Reading::RulesJson(error) },
            None => {
                let agent = Some(LevelRule::new(Level::Deny));
                let policy = Self { agent, ..Self::default() };
                Stored { policy, reading: Reading::Nothing(error) }
            }
        }
    }
}

/// `RulesJSON`, with the levels expanded already.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Rules {
    namespaces: Option<Vec<Labelled>>,
    node_pools: Option<Vec<Labelled>>,
    host_volumes: Option<Vec<Labelled>>,
    agent: Option<Wide>,
    node: Option<Wide>,
    operator: Option<Wide>,
    sentinel: Option<Wide>,
    quota: Option<Wide>,
    plugin: Option<Wide>,
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
struct Wide {
    policy: String,
    capabilities: Option<Vec<String>>,
}

impl Rules {
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
    fn rule<W: Word>(&self) -> LabelRule<W> {
        LabelRule::new(&self.name, level(&self.policy), &words(self.capabilities.as_deref()))
    }

    fn namespace(self) -> NamespaceRule {
        let paths = self.variables.as_ref().and_then(|variables| variables.paths.as_deref());
        let path =
            |path: &Path| PathRule::new(&path.path_spec, &words(path.capabilities.as_deref()));
        NamespaceRule::new(self.rule(), paths.unwrap_or_default().iter().map(path).collect())
    }
}

impl Wide {
    fn level(&self) -> LevelRule {
        LevelRule::new(level(&self.policy).unwrap_or(Level::Deny))
    }

    fn rule<W: Word>(&self) -> WideRule<W> {
        WideRule::new(level(&self.policy), &words(self.capabilities.as_deref()))
    }
}

/// No level where none is written; one that is not known must not open anything.
fn level(text: &str) -> Option<Level> {
    (!text.is_empty()).then(|| Level::parse(text).unwrap_or(Level::Deny))
}

fn words<W: Word>(written: Option<&[String]>) -> Vec<W> {
    written.unwrap_or_default().iter().filter_map(|word| W::parse(word)).collect()
}
