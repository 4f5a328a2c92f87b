//! The rules of one labelled block.

use std::sync::Arc;

use super::Raw;
use crate::{
    capability::{Set, Word},
    closest::{Asked, Closest, Label},
    decision::{Rule, Rules},
};

/// What all rules with one label say together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ruling<W: Word> {
    pub(crate) set: Set<W>,
    pub(crate) rules: Rules,
    /// The first rule with a deny, if one has it.
    pub(crate) deny: Option<u32>,
}

/// The rules of one block by label.
#[derive(Debug)]
pub(crate) struct Labelled<L, W: Word> {
    closest: Closest<L>,
    /// In ascending byte order of the labels.
    rulings: Vec<Ruling<W>>,
    /// The labels, in the same order.
    texts: Vec<Box<[u8]>>,
    /// Every word of every ruling.
    any: Set<W>,
    /// Every word of the rulings that do not deny.
    any_granted: Set<W>,
}

impl<L, W: Word> Labelled<L, W> {
    pub(super) fn new<A>(
        mut raw: Vec<Raw<L, W>>,
        rules: &mut Vec<(u64, Arc<Rule>)>,
        merge: impl Fn(Set<W>, Set<W>) -> Set<W>,
    ) -> Self
    where
        L: Label<A>,
    {
        // Stable, so that rules of one label stay in the order of their policies.
        raw.sort_by(|a, b| a.text.cmp(&b.text));
        let mut rulings: Vec<Ruling<W>> = Vec::new();
        let mut texts: Vec<Box<[u8]>> = Vec::new();
        let mut labels = Vec::new();
        for Raw { text, label, set, rule } in raw {
            let id = index(rules.len());
            rules.push((set.bits(), Arc::new(rule)));
            let deny = set.denies().then_some(id);
            match rulings.last_mut() {
                Some(last) if texts.last().is_some_and(|known| **known == *text) => {
                    last.set = merge(last.set, set);
                    last.rules.to = id + 1;
                    last.deny = last.deny.or(deny);
                }
                _ => {
                    rulings.push(Ruling { set, rules: Rules { from: id, to: id + 1 }, deny });
                    texts.push(text.into());
                    labels.push(label);
                }
            }
        }
        let sets = || rulings.iter().map(|ruling| ruling.set);
        Self {
            any: sets().fold(Set::EMPTY, Set::union),
            any_granted: sets().filter(|set| !set.denies()).fold(Set::EMPTY, Set::union),
            closest: Closest::new(labels),
            rulings,
            texts,
        }
    }

    /// The ruling about this name.
    pub(crate) fn about<A: Asked>(&self, asked: A) -> Option<&Ruling<W>>
    where
        L: Label<A>,
    {
        self.at(self.closest.find(asked))
    }

    /// The ruling whose label is this very name.
    pub(crate) fn exactly<A: Asked>(&self, asked: A) -> Option<&Ruling<W>> {
        self.at(self.closest.exact(asked))
    }

    fn at(&self, index: Option<u32>) -> Option<&Ruling<W>> {
        self.rulings.get(usize::try_from(index?).ok()?)
    }

    /// Some ruling that holds the word.
    pub(crate) fn any_with(&self, word: W) -> Option<&Ruling<W>> {
        if !self.any.has(word) {
            return None;
        }
        self.rulings.iter().find(|ruling| ruling.set.has(word))
    }

    /// Some ruling that grants something.
    pub(crate) fn any_granting(&self) -> Option<&Ruling<W>> {
        if self.any_granted.is_empty() {
            return None;
        }
        self.rulings.iter().find(|ruling| ruling.set.grants_any())
    }

    /// Some ruling that does not deny; an empty one counts.
    pub(crate) fn any_not_denying(&self) -> Option<&Ruling<W>> {
        self.rulings.iter().find(|ruling| !ruling.set.denies())
    }

    /// Some ruling at all.
    pub(crate) fn first(&self) -> Option<&Ruling<W>> {
        self.rulings.first()
    }

    /// Some ruling whose label starts with these bytes.
    pub(crate) fn starting_with(&self, start: &str) -> Option<&Ruling<W>> {
        let at = self.texts.partition_point(|text| **text < *start.as_bytes());
        self.texts
            .get(at)
            .filter(|text| text.starts_with(start.as_bytes()))
            .and_then(|_| self.rulings.get(at))
    }
}

/// Rules are counted in 32 bits: a policy text has at most a mebibyte, and what a token can hold of
/// them stays far below four thousand million rules.
pub(super) fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
