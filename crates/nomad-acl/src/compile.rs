//! Many policies → one evaluator.
//!
//! The result does not depend on the order of the policies. Rules of the same block with the same
//! label share one set: a union, in which a single `deny` leaves nothing else. Exact labels and
//! patterns are never merged with one another. Variable paths are a plain union, in which a `deny`
//! of another block takes nothing away. Levels of blocks without label: the strongest wins, and
//! `deny` is the strongest.

mod labelled;
mod unlabelled;

use std::sync::Arc;

pub(crate) use self::labelled::{LabelledRules, MergedRule};
pub(crate) use crate::compile::unlabelled::{LevelAndCapabilities, StrongestLevel};
use crate::{
    Policy,
    block::Block,
    capability::{
        BlockCapability, CapabilitySet, HostVolumeCapability, NamespaceCapability,
        NodePoolCapability, OperatorCapability, PathCapability, SentinelCapability,
    },
    decision::Rule,
    glob::Pattern,
    label_index::VariablePattern,
    policy::LabelRule,
};

/// One policy to compile: its rules under its name, and the file they came from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct NamedPolicy<'a> {
    /// The name of the policy.
    pub name: &'a str,
    /// The file it was read from, if it was.
    pub file: Option<&'a str>,
    /// The rules.
    pub policy: &'a Policy,
}

impl<'a> NamedPolicy<'a> {
    /// A policy that came from no file.
    #[must_use]
    pub const fn new(name: &'a str, policy: &'a Policy) -> Self {
        Self { name, file: None, policy }
    }

    /// The same policy, read from this file.
    #[must_use]
    pub const fn with_file(self, file: &'a str) -> Self {
        Self { file: Some(file), ..self }
    }
}

impl<'a> From<(&'a str, &'a Policy)> for NamedPolicy<'a> {
    fn from((name, policy): (&'a str, &'a Policy)) -> Self {
        Self::new(name, policy)
    }
}

/// The compiled form: one store per block.
#[derive(Debug)]
pub(crate) struct CompiledPolicies {
    pub(crate) namespaces: LabelledRules<Pattern, NamespaceCapability>,
    pub(crate) node_pools: LabelledRules<Pattern, NodePoolCapability>,
    pub(crate) host_volumes: LabelledRules<Pattern, HostVolumeCapability>,
    pub(crate) variables: LabelledRules<VariablePattern, PathCapability>,
    pub(crate) agent: StrongestLevel,
    pub(crate) node: StrongestLevel,
    pub(crate) quota: StrongestLevel,
    pub(crate) plugin: StrongestLevel,
    pub(crate) operator: LevelAndCapabilities<OperatorCapability>,
    pub(crate) sentinel: LevelAndCapabilities<SentinelCapability>,
    /// Every rule with what it alone grants, rules of one label side by side.
    pub(crate) rules: Vec<(u64, Arc<Rule>)>,
}

/// Compiles policies.
pub(crate) fn compile(mut policies: Vec<NamedPolicy<'_>>) -> CompiledPolicies {
    policies.sort_by_key(|policy| (policy.name, policy.file));
    let sources: Vec<SharedPolicy<'_>> = policies.into_iter().map(SharedPolicy::new).collect();
    let mut rules = Vec::new();
    CompiledPolicies {
        namespaces: label_rules(&sources, &mut rules, Block::Namespace, |policy| {
            policy.namespaces.iter().map(|rule| &rule.rule).collect()
        }),
        node_pools: label_rules(&sources, &mut rules, Block::NodePool, |policy| {
            policy.node_pools.iter().collect()
        }),
        host_volumes: label_rules(&sources, &mut rules, Block::HostVolume, |policy| {
            policy.host_volumes.iter().collect()
        }),
        variables: variable_rules(&sources, &mut rules),
        agent: StrongestLevel::new(&sources, &mut rules, Block::Agent, Policy::agent),
        node: StrongestLevel::new(&sources, &mut rules, Block::Node, Policy::node),
        quota: StrongestLevel::new(&sources, &mut rules, Block::Quota, Policy::quota),
        plugin: StrongestLevel::new(&sources, &mut rules, Block::Plugin, Policy::plugin),
        operator: LevelAndCapabilities::new(
            &sources,
            &mut rules,
            Block::Operator,
            Policy::operator,
        ),
        sentinel: LevelAndCapabilities::new(
            &sources,
            &mut rules,
            Block::Sentinel,
            Policy::sentinel,
        ),
        rules,
    }
}

/// A policy whose names are shared by all of its rules.
#[derive(Debug)]
pub(crate) struct SharedPolicy<'a> {
    name: Arc<str>,
    file: Option<Arc<str>>,
    policy: &'a Policy,
}

impl<'a> SharedPolicy<'a> {
    fn new(named: NamedPolicy<'a>) -> Self {
        Self { name: named.name.into(), file: named.file.map(Arc::from), policy: named.policy }
    }

    fn rule(&self, block: Block, label: &str, place: crate::TextPosition) -> Rule {
        Rule {
            policy: self.name.clone(),
            file: self.file.clone(),
            block,
            label: label.into(),
            namespace: "".into(),
            position: place,
        }
    }
}

/// A rule on its way into the store: its full label, what it grants, how it is named.
#[derive(Debug)]
pub(crate) struct RawRule<L, W: BlockCapability> {
    text: Vec<u8>,
    label: L,
    set: CapabilitySet<W>,
    rule: Rule,
}

fn label_rules<W: BlockCapability>(
    sources: &[SharedPolicy<'_>],
    rules: &mut Vec<(u64, Arc<Rule>)>,
    block: Block,
    of: impl for<'p> Fn(&'p Policy) -> Vec<&'p LabelRule<W>>,
) -> LabelledRules<Pattern, W> {
    let mut raw = Vec::new();
    for source in sources {
        raw.extend(of(source.policy).into_iter().map(|rule| RawRule {
            text: rule.label.as_bytes().to_vec(),
            label: Pattern::new(&rule.label),
            set: rule.capability_set(),
            rule: source.rule(block, &rule.label, rule.position),
        }));
    }
    LabelledRules::new(raw, rules, CapabilitySet::merge)
}

fn variable_rules(
    sources: &[SharedPolicy<'_>],
    rules: &mut Vec<(u64, Arc<Rule>)>,
) -> LabelledRules<VariablePattern, PathCapability> {
    let mut raw = Vec::new();
    for source in sources {
        for namespace in &source.policy.namespaces {
            let label = &*namespace.rule.label;
            raw.extend(namespace.variables.iter().map(|path| RawRule {
                text: [label.as_bytes(), path.path.as_bytes()].join(&0),
                label: VariablePattern {
                    namespace: Pattern::new(label),
                    path: Pattern::new(&path.path),
                },
                set: path.capability_set(),
                rule: Rule {
                    namespace: label.into(),
                    ..source.rule(Block::Path, &path.path, path.position)
                },
            }));
        }
    }
    LabelledRules::new(raw, rules, CapabilitySet::union)
}
