//! Many policies → one evaluator.
//!
//! The result does not depend on the order of the policies. Rules of the same block with the same
//! label share one set: a union, in which a single `deny` leaves nothing else. Exact labels and
//! patterns are never merged with one another. Variable paths are a plain union, in which a `deny`
//! of another block takes nothing away. Levels of blocks without label: the strongest wins, and
//! `deny` is the strongest.

mod labelled;
mod wide;

use std::sync::Arc;

pub(crate) use self::{
    labelled::{Labelled, Ruling},
    wide::{Capable, Leveled},
};
use crate::{
    Policy,
    block::Block,
    capability::{
        Capability, HostVolumeCapability, NodePoolCapability, OperatorCapability, PathCapability,
        SentinelCapability, Set, Word,
    },
    closest::VariablePattern,
    decision::Rule,
    glob::Pattern,
    policy::LabelRule,
};

/// One policy to compile: its rules under its name, and the file they came from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Named<'a> {
    /// The name of the policy.
    pub name: &'a str,
    /// The file it was read from, if it was.
    pub file: Option<&'a str>,
    /// The rules.
    pub policy: &'a Policy,
}

impl<'a> Named<'a> {
    /// A policy that came from no file.
    #[must_use]
    pub const fn new(name: &'a str, policy: &'a Policy) -> Self {
        Self { name, file: None, policy }
    }

    /// The same policy, read from this file.
    #[must_use]
    pub const fn from_file(self, file: &'a str) -> Self {
        Self { file: Some(file), ..self }
    }
}

impl<'a> From<(&'a str, &'a Policy)> for Named<'a> {
    fn from((name, policy): (&'a str, &'a Policy)) -> Self {
        Self::new(name, policy)
    }
}

/// The compiled form: one store per block.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) namespaces: Labelled<Pattern, Capability>,
    pub(crate) node_pools: Labelled<Pattern, NodePoolCapability>,
    pub(crate) host_volumes: Labelled<Pattern, HostVolumeCapability>,
    pub(crate) variables: Labelled<VariablePattern, PathCapability>,
    pub(crate) agent: Leveled,
    pub(crate) node: Leveled,
    pub(crate) quota: Leveled,
    pub(crate) plugin: Leveled,
    pub(crate) operator: Capable<OperatorCapability>,
    pub(crate) sentinel: Capable<SentinelCapability>,
    /// Every rule with what it alone grants, rules of one label side by side.
    pub(crate) rules: Vec<(u64, Arc<Rule>)>,
}

/// Compiles policies.
pub(crate) fn compile(mut policies: Vec<Named<'_>>) -> Compiled {
    policies.sort_by_key(|policy| (policy.name, policy.file));
    let sources: Vec<Source<'_>> = policies.into_iter().map(Source::new).collect();
    let mut rules = Vec::new();
    Compiled {
        namespaces: patterns(&sources, &mut rules, Block::Namespace, |policy| {
            policy.namespaces.iter().map(|rule| &rule.rule).collect()
        }),
        node_pools: patterns(&sources, &mut rules, Block::NodePool, |policy| {
            policy.node_pools.iter().collect()
        }),
        host_volumes: patterns(&sources, &mut rules, Block::HostVolume, |policy| {
            policy.host_volumes.iter().collect()
        }),
        variables: variables(&sources, &mut rules),
        agent: Leveled::new(&sources, &mut rules, Block::Agent, Policy::agent),
        node: Leveled::new(&sources, &mut rules, Block::Node, Policy::node),
        quota: Leveled::new(&sources, &mut rules, Block::Quota, Policy::quota),
        plugin: Leveled::new(&sources, &mut rules, Block::Plugin, Policy::plugin),
        operator: Capable::new(&sources, &mut rules, Block::Operator, Policy::operator),
        sentinel: Capable::new(&sources, &mut rules, Block::Sentinel, Policy::sentinel),
        rules,
    }
}

/// A policy whose names are shared by all of its rules.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    name: Arc<str>,
    file: Option<Arc<str>>,
    policy: &'a Policy,
}

impl<'a> Source<'a> {
    fn new(named: Named<'a>) -> Self {
        Self { name: named.name.into(), file: named.file.map(Arc::from), policy: named.policy }
    }

    fn rule(&self, block: Block, label: &str, place: crate::Place) -> Rule {
        Rule {
            policy: self.name.clone(),
            file: self.file.clone(),
            block,
            label: label.into(),
            namespace: "".into(),
            place,
        }
    }
}

/// A rule on its way into the store: its full label, what it grants, how it is named.
#[derive(Debug)]
pub(crate) struct Raw<L, W: Word> {
    text: Vec<u8>,
    label: L,
    set: Set<W>,
    rule: Rule,
}

fn patterns<W: Word>(
    sources: &[Source<'_>],
    rules: &mut Vec<(u64, Arc<Rule>)>,
    block: Block,
    of: impl for<'p> Fn(&'p Policy) -> Vec<&'p LabelRule<W>>,
) -> Labelled<Pattern, W> {
    let mut raw = Vec::new();
    for source in sources {
        raw.extend(of(source.policy).into_iter().map(|rule| Raw {
            text: rule.label.as_bytes().to_vec(),
            label: Pattern::new(&rule.label),
            set: rule.set(),
            rule: source.rule(block, &rule.label, rule.place),
        }));
    }
    Labelled::new(raw, rules, Set::join)
}

fn variables(
    sources: &[Source<'_>],
    rules: &mut Vec<(u64, Arc<Rule>)>,
) -> Labelled<VariablePattern, PathCapability> {
    let mut raw = Vec::new();
    for source in sources {
        for namespace in &source.policy.namespaces {
            let label = &*namespace.rule.label;
            raw.extend(namespace.variables.iter().map(|path| Raw {
                text: [label.as_bytes(), path.path.as_bytes()].join(&0),
                label: VariablePattern {
                    namespace: Pattern::new(label),
                    path: Pattern::new(&path.path),
                },
                set: path.set(),
                rule: Rule {
                    namespace: label.into(),
                    ..source.rule(Block::Path, &path.path, path.place)
                },
            }));
        }
    }
    Labelled::new(raw, rules, Set::union)
}
