//! The rules of a policy.

use crate::{
    block::Block,
    capability::{
        BlockCapability, CapabilitySet, NamespaceCapability, PathCapability, PolicyLevel,
    },
    syntax::TextPosition,
};

/// A rule with a label: a namespace, node pool or host volume.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LabelRule<W> {
    /// The label: a name, or a pattern when it holds a `*`.
    pub label: String,
    /// The short word, if one is given.
    pub level: Option<PolicyLevel>,
    /// The capabilities given by name, in their order; they add to the level's.
    pub capabilities: Vec<W>,
    /// Where the rule starts.
    pub position: TextPosition,
}

impl<W: BlockCapability> LabelRule<W> {
    /// A rule that did not come from a text.
    #[must_use]
    pub fn new(label: &str, level: Option<PolicyLevel>, capabilities: &[W]) -> Self {
        let capabilities = capabilities.to_vec();
        Self { label: label.to_owned(), level, capabilities, position: TextPosition::default() }
    }

    /// What the rule grants: its level, its capabilities and what they imply; `deny` alone if it is
    /// among them.
    #[must_use]
    pub fn capability_set(&self) -> CapabilitySet<W> {
        expand(self.level, &self.capabilities)
    }

    pub(crate) fn positioned_level(
        &self,
        block: Block,
    ) -> Option<(Block, PolicyLevel, TextPosition)> {
        self.level.map(|level| (block, level, self.position))
    }
}

/// A namespace rule and the variable paths inside it, which are rules of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamespaceRule {
    /// The rule about the namespace itself.
    pub rule: LabelRule<NamespaceCapability>,
    /// The rules about variable paths; the namespace's level and capabilities do not touch them.
    pub variables: Vec<PathRule>,
}

impl NamespaceRule {
    /// A namespace rule with its variable paths.
    #[must_use]
    pub fn new(rule: LabelRule<NamespaceCapability>, variables: Vec<PathRule>) -> Self {
        Self { rule, variables }
    }
}

/// A `path` rule about variables.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathRule {
    /// The path: a name, or a pattern when it holds a `*`.
    pub path: String,
    /// The capabilities, in their order.
    pub capabilities: Vec<PathCapability>,
    /// Where the rule starts.
    pub position: TextPosition,
}

impl PathRule {
    /// A rule that did not come from a text.
    #[must_use]
    pub fn new(path: &str, capabilities: &[PathCapability]) -> Self {
        let capabilities = capabilities.to_vec();
        Self { path: path.to_owned(), capabilities, position: TextPosition::default() }
    }

    /// What the rule grants; within one block a `deny` clears the rest.
    #[must_use]
    pub fn capability_set(&self) -> CapabilitySet<PathCapability> {
        expand(None, &self.capabilities)
    }
}

/// A rule that is only a level: agent, node, quota, plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LevelRule {
    /// The level.
    pub level: PolicyLevel,
    /// Where the rule starts.
    pub position: TextPosition,
}

impl LevelRule {
    /// A rule that did not come from a text.
    #[must_use]
    pub fn new(level: PolicyLevel) -> Self {
        Self { level, position: TextPosition::default() }
    }
}

/// A rule without label that takes capabilities: operator, sentinel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnlabelledRule<W> {
    /// The level, if one is given.
    pub level: Option<PolicyLevel>,
    /// The capabilities given by name, in their order.
    pub capabilities: Vec<W>,
    /// Where the rule starts.
    pub position: TextPosition,
}

impl<W: BlockCapability> UnlabelledRule<W> {
    /// A rule that did not come from a text.
    #[must_use]
    pub fn new(level: Option<PolicyLevel>, capabilities: &[W]) -> Self {
        Self { level, capabilities: capabilities.to_vec(), position: TextPosition::default() }
    }

    /// What the rule grants by capability; the level is consulted apart from it.
    #[must_use]
    pub fn capability_set(&self) -> CapabilitySet<W> {
        expand(self.level, &self.capabilities)
    }
}

fn expand<W: BlockCapability>(level: Option<PolicyLevel>, capabilities: &[W]) -> CapabilitySet<W> {
    let level = level.map_or(CapabilitySet::EMPTY, W::from_level);
    W::with_implied(level.union(CapabilitySet::from_slice(capabilities))).deny_wins()
}
