//! "Closest match wins": the one rule, out of many, that is about a name.
//!
//! An exact label wins over every pattern. Among the patterns that match, the one with the most
//! literal bytes wins, and among equals the greatest in byte order. So the patterns are ranked once,
//! when they are compiled, and the first match in that order is the answer. A radix tree over their
//! literal starts, and one over their literal ends for those that begin with a star, leave only the
//! patterns worth trying.

mod asked;

#[cfg(test)]
pub(crate) use self::asked::Forward;
pub(crate) use self::asked::{Asked, VariableName};
use crate::{glob::Pattern, trie::Trie};

/// A label that may be a pattern, and what it answers to.
pub(crate) trait Label<A> {
    /// Whether there is a star in it.
    fn is_pattern(&self) -> bool;

    /// How many bytes are no star.
    fn literals(&self) -> usize;

    /// What stands before the first star.
    fn prefix(&self) -> Vec<u8>;

    /// What stands after the last star.
    fn suffix(&self) -> Vec<u8>;

    /// Whether the name fits.
    fn matches(&self, asked: A) -> bool;
}

impl Label<&str> for Pattern {
    fn is_pattern(&self) -> bool {
        self.has_star()
    }

    fn literals(&self) -> usize {
        Self::literals(self)
    }

    fn prefix(&self) -> Vec<u8> {
        Self::prefix(self).as_bytes().to_vec()
    }

    fn suffix(&self) -> Vec<u8> {
        Self::suffix(self).as_bytes().to_vec()
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
    fn is_pattern(&self) -> bool {
        self.namespace.has_star() || self.path.has_star()
    }

    fn literals(&self) -> usize {
        self.namespace.literals() + 1 + self.path.literals()
    }

    fn prefix(&self) -> Vec<u8> {
        let mut prefix = self.namespace.prefix().as_bytes().to_vec();
        if !self.namespace.has_star() {
            prefix.push(0);
            prefix.extend_from_slice(self.path.prefix().as_bytes());
        }
        prefix
    }

    fn suffix(&self) -> Vec<u8> {
        let mut suffix = self.path.suffix().as_bytes().to_vec();
        if !self.path.has_star() {
            let namespace = self.namespace.suffix().as_bytes();
            suffix.splice(0..0, namespace.iter().copied().chain([0]));
        }
        suffix
    }

    fn matches(&self, asked: VariableName<'_>) -> bool {
        self.namespace.matches(asked.namespace) && self.path.matches(asked.path)
    }
}

/// Many labels, each with the index it was given.
#[derive(Clone, Debug)]
pub(crate) struct Closest<L> {
    exact: Trie<Option<u32>>,
    /// The patterns in their ranking, each with its index.
    ranked: Vec<(L, u32)>,
    /// Ranks by literal start.
    by_prefix: Trie<Vec<u32>>,
    /// Ranks by literal end read backwards, of patterns without a literal start.
    by_suffix: Trie<Vec<u32>>,
    /// Whether anything stands in the two trees.
    any_prefix: bool,
    any_suffix: bool,
}

impl<L> Closest<L> {
    /// Takes labels in ascending byte order of their text; the index is their place in it.
    pub(crate) fn new<A>(labels: impl IntoIterator<Item = L>) -> Self
    where
        L: Label<A>,
    {
        let mut exact = Trie::<Option<u32>>::default();
        let mut ranked = Vec::new();
        for (label, index) in labels.into_iter().zip(0_u32..) {
            if label.is_pattern() {
                ranked.push((label, index));
            } else if let Some(place) = exact.entry(&label.prefix()) {
                *place = Some(index);
            }
        }
        // Ascending text order became ascending index order, so the greatest text comes first.
        ranked.sort_by_key(|(label, index)| std::cmp::Reverse((label.literals(), *index)));
        let mut closest = Self {
            exact,
            ranked,
            by_prefix: Trie::default(),
            by_suffix: Trie::default(),
            any_prefix: false,
            any_suffix: false,
        };
        closest.index();
        closest
    }

    fn index<A>(&mut self)
    where
        L: Label<A>,
    {
        for ((label, _), rank) in self.ranked.iter().zip(0_u32..) {
            let prefix = label.prefix();
            let spot = if prefix.is_empty() {
                self.any_suffix = true;
                let mut suffix = label.suffix();
                suffix.reverse();
                self.by_suffix.entry(&suffix)
            } else {
                self.any_prefix = true;
                self.by_prefix.entry(&prefix)
            };
            if let Some(ranks) = spot {
                ranks.push(rank);
            }
        }
    }

    /// The index of the exact label.
    pub(crate) fn exact<A: Asked>(&self, asked: A) -> Option<u32> {
        *self.exact.walk(asked.forward(), |_| {})?
    }

    /// The index of the closest pattern that matches.
    pub(crate) fn pattern<A: Asked>(&self, asked: A) -> Option<u32>
    where
        L: Label<A>,
    {
        let mut best = u32::MAX;
        if self.any_prefix {
            let see = |ranks: &Vec<u32>| best = self.better(best, ranks, asked);
            self.by_prefix.walk(asked.forward(), see);
        }
        if self.any_suffix {
            let see = |ranks: &Vec<u32>| best = self.better(best, ranks, asked);
            self.by_suffix.walk(asked.backward(), see);
        }
        self.ranked.get(usize::try_from(best).ok()?).map(|(_, index)| *index)
    }

    /// The best rank so far, or a better one among these, which are in ascending order.
    fn better<A: Asked>(&self, best: u32, ranks: &[u32], asked: A) -> u32
    where
        L: Label<A>,
    {
        let fits = |rank: &&u32| {
            self.ranked.get(**rank as usize).is_some_and(|(label, _)| label.matches(asked))
        };
        ranks.iter().take_while(|rank| **rank < best).find(fits).copied().unwrap_or(best)
    }

    /// The index of the one rule that is about this name.
    pub(crate) fn find<A: Asked>(&self, asked: A) -> Option<u32>
    where
        L: Label<A>,
    {
        self.exact(asked).or_else(|| self.pattern(asked))
    }
}
