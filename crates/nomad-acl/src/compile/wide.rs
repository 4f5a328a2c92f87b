//! The rules of the blocks without label.

use std::sync::Arc;

use super::{Source, labelled::index};
use crate::{
    Policy,
    block::Block,
    capability::{Level, Set, Word},
    decision::{Rule, Rules},
    policy::{LevelRule, WideRule},
};

/// The strongest level that any policy sets, and the rule that sets it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leveled {
    pub(crate) level: Option<Level>,
    pub(crate) rule: Option<u32>,
}

impl Leveled {
    pub(super) fn new(
        sources: &[Source<'_>],
        rules: &mut Vec<(u64, Arc<Rule>)>,
        block: Block,
        of: impl Fn(&Policy) -> Option<&LevelRule>,
    ) -> Self {
        let mut strongest = Self::default();
        for source in sources {
            if let Some(rule) = of(source.policy) {
                let id = index(rules.len());
                rules.push((0, Arc::new(source.rule(block, "", rule.place))));
                strongest.take(Some(rule.level), id);
            }
        }
        strongest
    }

    /// Takes a level if it is stronger; the first of equals stays.
    fn take(&mut self, level: Option<Level>, rule: u32) {
        let rank = |level: Option<Level>| level.map_or(0, Level::rank);
        if rank(level) > rank(self.level) {
            *self = Self { level, rule: Some(rule) };
        } else if self.rule.is_none() {
            self.rule = Some(rule);
        }
    }

    /// The rule as a handle of one.
    pub(crate) fn rules(&self) -> Option<Rules> {
        self.rule.map(|rule| Rules { from: rule, to: rule + 1 })
    }
}

/// A level and, beside it, a set of capabilities.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capable<W: Word> {
    pub(crate) level: Leveled,
    pub(crate) set: Set<W>,
    pub(crate) rules: Rules,
    /// The first rule with a deny, if one has it.
    pub(crate) deny: Option<u32>,
}

impl<W: Word> Capable<W> {
    pub(super) fn new(
        sources: &[Source<'_>],
        rules: &mut Vec<(u64, Arc<Rule>)>,
        block: Block,
        of: impl Fn(&Policy) -> Option<&WideRule<W>>,
    ) -> Self {
        let from = index(rules.len());
        let mut capable = Self {
            level: Leveled::default(),
            set: Set::EMPTY,
            rules: Rules { from, to: from },
            deny: None,
        };
        for source in sources {
            if let Some(rule) = of(source.policy) {
                let (id, set) = (index(rules.len()), rule.set());
                rules.push((set.bits(), Arc::new(source.rule(block, "", rule.place))));
                capable.level.take(rule.level, id);
                capable.set = capable.set.join(set);
                capable.rules.to = id + 1;
                capable.deny = capable.deny.or_else(|| set.denies().then_some(id));
            }
        }
        capable
    }
}
