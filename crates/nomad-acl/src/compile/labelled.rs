//! The rules of one labelled block.

use std::sync::Arc;

use super::RawRule;
use crate::{
    capability::{BlockCapability, CapabilitySet},
    decision::{Rule, RuleRange},
    label_index::{Label, LabelIndex, SearchName},
};

/// What all rules with one label say together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MergedRule<W: BlockCapability> {
    pub(crate) set: CapabilitySet<W>,
    pub(crate) rules: RuleRange,
    /// The first rule with a deny, if one has it.
    pub(crate) deny: Option<u32>,
}

/// The rules of one block by label.
#[derive(Debug)]
pub(crate) struct LabelledRules<L, W: BlockCapability> {
    closest: LabelIndex<L>,
    /// In ascending byte order of the labels.
    merged: Vec<MergedRule<W>>,
    /// The labels, in the same order.
    labels: Vec<Box<[u8]>>,
    /// Every word of every ruling.
    any: CapabilitySet<W>,
    /// Every word of the rulings that do not deny.
    any_granted: CapabilitySet<W>,
}

impl<L, W: BlockCapability> LabelledRules<L, W> {
    pub(super) fn new<A>(
        mut raw: Vec<RawRule<L, W>>,
        rules: &mut Vec<(u64, Arc<Rule>)>,
        merge: impl Fn(CapabilitySet<W>, CapabilitySet<W>) -> CapabilitySet<W>,
    ) -> Self
    where
        L: Label<A>,
    {
        // Stable, so that rules of one label stay in the order of their policies.
        raw.sort_by(|a, b| a.text.cmp(&b.text));
        let mut rulings: Vec<MergedRule<W>> = Vec::new();
        let mut texts: Vec<Box<[u8]>> = Vec::new();
        let mut labels = Vec::new();
        for RawRule { text, label, set, rule } in raw {
            let id = rule_index(rules.len());
            rules.push((set.bits(), Arc::new(rule)));
            let deny = set.denies().then_some(id);
            match rulings.last_mut() {
                Some(last) if texts.last().is_some_and(|known| **known == *text) => {
                    last.set = merge(last.set, set);
                    last.rules.end = id + 1;
                    last.deny = last.deny.or(deny);
                }
                _ => {
                    rulings.push(MergedRule {
                        set,
                        rules: RuleRange { start: id, end: id + 1 },
                        deny,
                    });
                    texts.push(text.into());
                    labels.push(label);
                }
            }
        }
        let sets = || rulings.iter().map(|ruling| ruling.set);
        Self {
            any: sets().fold(CapabilitySet::EMPTY, CapabilitySet::union),
            any_granted: sets()
                .filter(|set| !set.denies())
                .fold(CapabilitySet::EMPTY, CapabilitySet::union),
            closest: LabelIndex::new(labels),
            merged: rulings,
            labels: texts,
        }
    }

    /// The ruling about this name.
    pub(crate) fn closest<A: SearchName>(&self, asked: A) -> Option<&MergedRule<W>>
    where
        L: Label<A>,
    {
        self.get(self.closest.find(asked))
    }

    /// The ruling whose label is this very name.
    pub(crate) fn exact<A: SearchName>(&self, asked: A) -> Option<&MergedRule<W>> {
        self.get(self.closest.exact(asked))
    }

    fn get(&self, index: Option<u32>) -> Option<&MergedRule<W>> {
        self.merged.get(usize::try_from(index?).ok()?)
    }

    /// Some ruling that holds the word.
    pub(crate) fn any_with(&self, word: W) -> Option<&MergedRule<W>> {
        if !self.any.contains(word) {
            return None;
        }
        self.merged.iter().find(|ruling| ruling.set.contains(word))
    }

    /// Some ruling that grants something.
    pub(crate) fn any_granting(&self) -> Option<&MergedRule<W>> {
        if self.any_granted.is_empty() {
            return None;
        }
        self.merged.iter().find(|ruling| ruling.set.grants_any())
    }

    /// Some ruling that does not deny; an empty one counts.
    pub(crate) fn any_not_denying(&self) -> Option<&MergedRule<W>> {
        self.merged.iter().find(|ruling| !ruling.set.denies())
    }

    /// Some ruling at all.
    pub(crate) fn first(&self) -> Option<&MergedRule<W>> {
        self.merged.first()
    }

    /// Some ruling whose label starts with these bytes.
    pub(crate) fn first_with_prefix(&self, start: &str) -> Option<&MergedRule<W>> {
        let at = self.labels.partition_point(|text| **text < *start.as_bytes());
        self.labels
            .get(at)
            .filter(|text| text.starts_with(start.as_bytes()))
            .and_then(|_| self.merged.get(at))
    }
}

/// Rules are counted in 32 bits: a policy text has at most a mebibyte, and what a token can hold of
/// them stays far below four thousand million rules.
pub(super) fn rule_index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
