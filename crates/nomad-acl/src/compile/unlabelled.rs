//! The rules of the blocks without label.

use std::sync::Arc;

use super::{SharedPolicy, labelled::rule_index};
use crate::{
    Policy,
    block::Block,
    capability::{BlockCapability, CapabilitySet, PolicyLevel},
    decision::{Rule, RuleRange},
    policy::{LevelRule, UnlabelledRule},
};

/// The strongest level that any policy sets, and the rule that sets it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StrongestLevel {
    pub(crate) level: Option<PolicyLevel>,
    pub(crate) rule: Option<u32>,
}

impl StrongestLevel {
    pub(super) fn new(
        sources: &[SharedPolicy<'_>],
        rules: &mut Vec<(u64, Arc<Rule>)>,
        block: Block,
        of: impl Fn(&Policy) -> Option<&LevelRule>,
    ) -> Self {
        let mut strongest = Self::default();
        for source in sources {
            if let Some(rule) = of(source.policy) {
                let id = rule_index(rules.len());
                rules.push((0, Arc::new(source.rule(block, "", rule.position))));
                strongest.update(Some(rule.level), id);
            }
        }
        strongest
    }

    /// Takes a level if it is stronger; the first of equals stays.
    fn update(&mut self, level: Option<PolicyLevel>, rule: u32) {
        let rank = |level: Option<PolicyLevel>| level.map_or(0, PolicyLevel::rank);
        if rank(level) > rank(self.level) {
            *self = Self { level, rule: Some(rule) };
        } else if self.rule.is_none() {
            self.rule = Some(rule);
        }
    }

    /// The rule as a handle of one.
    pub(crate) fn rules(&self) -> Option<RuleRange> {
        self.rule.map(|rule| RuleRange { start: rule, end: rule + 1 })
    }
}

/// A level and, beside it, a set of capabilities.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LevelAndCapabilities<W: BlockCapability> {
    pub(crate) level: StrongestLevel,
    pub(crate) set: CapabilitySet<W>,
    pub(crate) rules: RuleRange,
    /// The first rule with a deny, if one has it.
    pub(crate) deny: Option<u32>,
}

impl<W: BlockCapability> LevelAndCapabilities<W> {
    pub(super) fn new(
        sources: &[SharedPolicy<'_>],
        rules: &mut Vec<(u64, Arc<Rule>)>,
        block: Block,
        of: impl Fn(&Policy) -> Option<&UnlabelledRule<W>>,
    ) -> Self {
        let from = rule_index(rules.len());
        let mut capable = Self {
            level: StrongestLevel::default(),
            set: CapabilitySet::EMPTY,
            rules: RuleRange { start: from, end: from },
            deny: None,
        };
        for source in sources {
            if let Some(rule) = of(source.policy) {
                let (id, set) = (rule_index(rules.len()), rule.capability_set());
                rules.push((set.bits(), Arc::new(source.rule(block, "", rule.position))));
                capable.level.update(rule.level, id);
                capable.set = capable.set.merge(set);
                capable.rules.end = id + 1;
                capable.deny = capable.deny.or_else(|| set.denies().then_some(id));
            }
        }
        capable
    }
}
