//! "Closest match wins": the one rule, out of many, that is about a name.
//!
//! An exact label wins over every pattern. Among the patterns that match, the one with the most
//! literal bytes wins, and among equals the greatest in byte order. So the patterns are ranked once,
//! when they are compiled, and the first match in that order is the answer. Radix trees over one
//! literal of each pattern leave only the patterns worth trying.

mod search_name;

use std::cmp::Reverse;

#[cfg(test)]
pub(crate) use crate::label_index::search_name::Forward;
pub(crate) use crate::label_index::search_name::{SearchName, VariableName};
use crate::{
    glob::Pattern,
    trie::{Name as _, Trie},
};

const STAR: u8 = b'*';

/// A label that may be a pattern, and what it answers to.
pub(crate) trait Label<A> {
    /// The whole label, stars included.
    fn text(&self) -> Vec<u8>;

    /// Whether the name fits.
    fn matches(&self, asked: A) -> bool;
}

impl Label<&str> for Pattern {
    fn text(&self) -> Vec<u8> {
        self.as_str().as_bytes().to_vec()
    }

    fn matches(&self, asked: &str) -> bool {
        Self::matches(self, asked)
    }
}

/// The label of a variable rule. The NUL between the two is literal, so a star in the namespace
/// cannot swallow any of the path; their literal bytes are counted together.
#[derive(Clone, Debug)]
pub(crate) struct VariablePattern {
    pub(crate) namespace: Pattern,
    pub(crate) path: Pattern,
}

impl Label<VariableName<'_>> for VariablePattern {
    fn text(&self) -> Vec<u8> {
        [self.namespace.as_str().as_bytes(), self.path.as_str().as_bytes()].join(&0)
    }

    fn matches(&self, asked: VariableName<'_>) -> bool {
        self.namespace.matches(asked.namespace) && self.path.matches(asked.path)
    }
}

/// Many labels, each with the index it was given.
///
/// A pattern stands in one of three trees: by its literal start, else by its literal end, else by the
/// first literal inside it.
#[derive(Clone, Debug)]
pub(crate) struct LabelIndex<L> {
    exact: Trie<Option<u32>>,
    /// The patterns in their ranking, each with its index.
    patterns: Vec<(L, u32)>,
    by_prefix: RankTree,
    /// The ends, read backwards.
    by_suffix: RankTree,
    by_inner: RankTree,
}

/// Ranks by some literal of their pattern, in ascending order.
#[derive(Clone, Debug, Default)]
struct RankTree {
    ranks: Trie<Vec<u32>>,
    is_used: bool,
}

impl RankTree {
    fn insert(&mut self, literal: &[u8], rank: u32) {
        self.is_used = true;
        if let Some(ranks) = self.ranks.entry(literal) {
            ranks.push(rank);
        }
    }
}

impl<L> LabelIndex<L> {
    /// Takes labels in ascending byte order of their text; the index is their place in it.
    pub(crate) fn new<A>(labels: impl IntoIterator<Item = L>) -> Self
    where
        L: Label<A>,
    {
        let mut exact = Trie::<Option<u32>>::default();
        let mut patterns = Vec::new();
        for (label, index) in labels.into_iter().zip(0_u32..) {
            let text = label.text();
            if text.contains(&STAR) {
                let literals = text.iter().filter(|byte| **byte != STAR).count();
                patterns.push((literals, index, label, text));
            } else if let Some(place) = exact.entry(&text) {
                *place = Some(index);
            }
        }
        // Ascending text order became ascending index order, so the greatest text comes first.
        patterns.sort_by_key(|(literals, index, ..)| Reverse((*literals, *index)));
        let mut closest = Self {
            exact,
            patterns: Vec::with_capacity(patterns.len()),
            by_prefix: RankTree::default(),
            by_suffix: RankTree::default(),
            by_inner: RankTree::default(),
        };
        for ((_, index, label, text), rank) in patterns.into_iter().zip(0_u32..) {
            closest.patterns.push((label, index));
            closest.insert(&text, rank);
        }
        closest
    }

    /// Puts a pattern into the tree where it is found.
    fn insert(&mut self, text: &[u8], rank: u32) {
        let mut parts = text.split(|byte| *byte == STAR);
        let prefix = parts.next().unwrap_or_default();
        let suffix = parts.next_back().unwrap_or_default();
        if !prefix.is_empty() {
            self.by_prefix.insert(prefix, rank);
        } else if !suffix.is_empty() {
            let backwards: Vec<u8> = suffix.iter().rev().copied().collect();
            self.by_suffix.insert(&backwards, rank);
        } else {
            let inner = parts.find(|part| !part.is_empty()).unwrap_or_default();
            self.by_inner.insert(inner, rank);
        }
    }

    /// The index of the exact label.
    pub(crate) fn exact<A: SearchName>(&self, asked: A) -> Option<u32> {
        *self.exact.walk(asked.forward(0), |_| {})?
    }

    /// The index of the closest pattern that matches.
    pub(crate) fn closest_pattern<A: SearchName>(&self, asked: A) -> Option<u32>
    where
        L: Label<A>,
    {
        let mut best = u32::MAX;
        let mut see = |ranks: &Vec<u32>| best = self.better_rank(best, ranks, asked);
        if self.by_prefix.is_used {
            self.by_prefix.ranks.walk(asked.forward(0), &mut see);
        }
        if self.by_suffix.is_used {
            self.by_suffix.ranks.walk(asked.backward(), &mut see);
        }
        if self.by_inner.is_used {
            let ranks = &self.by_inner.ranks;
            // From the very end only what has no literal at all is found.
            ranks.walk(asked.forward(asked.length()), &mut see);
            // Most places of a name begin no literal; one look at the byte there spares the walk.
            for from in (0..asked.length()).map(|from| asked.forward(from)) {
                if ranks.has_keys_from(from.byte(0)) {
                    ranks.walk(from, &mut see);
                }
            }
        }
        self.patterns.get(usize::try_from(best).ok()?).map(|(_, index)| *index)
    }

    /// The best rank so far, or a better one among these, which are in ascending order.
    fn better_rank<A: SearchName>(&self, best: u32, ranks: &[u32], asked: A) -> u32
    where
        L: Label<A>,
    {
        let fits = |rank: &&u32| {
            self.patterns.get(**rank as usize).is_some_and(|(label, _)| label.matches(asked))
        };
        ranks.iter().take_while(|rank| **rank < best).find(fits).copied().unwrap_or(best)
    }

    /// The index of the one rule that is about this name.
    pub(crate) fn find<A: SearchName>(&self, asked: A) -> Option<u32>
    where
        L: Label<A>,
    {
        self.exact(asked).or_else(|| self.closest_pattern(asked))
    }
}
