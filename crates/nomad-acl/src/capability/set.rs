//! Sets of words of one alphabet.

use std::{fmt, marker::PhantomData};

use super::PolicyLevel;

/// One alphabet of capabilities: the words a block accepts, at most 64 of them.
pub trait BlockCapability: Copy + Eq + fmt::Debug + Send + Sync + 'static {
    /// Every word with its spelling, in the order of its bits.
    const ALL: &'static [(Self, &'static str)];

    /// The word that withdraws all others.
    const DENY: Self;

    /// The bit of this word, below 64.
    #[must_use]
    fn bit(self) -> u32;

    /// What `policy = "<level>"` stands for in this block.
    #[must_use]
    fn from_level(level: PolicyLevel) -> CapabilitySet<Self>;

    /// The set with everything its words imply; most alphabets imply nothing.
    #[must_use]
    fn with_implied(set: CapabilitySet<Self>) -> CapabilitySet<Self> {
        set
    }

    /// The spelling of this word.
    #[must_use]
    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(word, _)| *word == self).map_or("", |(_, text)| text)
    }

    /// The word with this spelling; case matters, as it does to Nomad.
    #[must_use]
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, word)| *word == text).map(|(word, _)| *word)
    }
}

/// A set of words of one alphabet.
///
/// ```
/// use nomad_acl::capability::{NamespaceCapability, CapabilitySet};
///
/// let read = CapabilitySet::from_slice(&[NamespaceCapability::ReadJob, NamespaceCapability::ListJobs]);
/// let deny = CapabilitySet::from_slice(&[NamespaceCapability::Deny]);
/// assert!(read.contains(NamespaceCapability::ReadJob));
/// assert_eq!(read.merge(deny), deny);
/// ```
pub struct CapabilitySet<W> {
    bits: u64,
    capability: PhantomData<W>,
}

impl<W: BlockCapability> CapabilitySet<W> {
    /// The set without a word.
    pub const EMPTY: Self = Self { bits: 0, capability: PhantomData };

    /// The set of these words.
    #[must_use]
    pub fn from_slice(words: &[W]) -> Self {
        words.iter().fold(Self::EMPTY, |set, word| set.with_capability(*word))
    }

    /// The set and this word.
    #[must_use]
    pub fn with_capability(self, word: W) -> Self {
        Self { bits: self.bits | 1 << word.bit(), capability: PhantomData }
    }

    /// Every word of either set; a `deny` does nothing here. Variable paths merge this way.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { bits: self.bits | other.bits, capability: PhantomData }
    }

    /// Every word of either set, or `deny` alone as soon as one of them holds it.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        self.union(other).deny_wins()
    }

    /// `deny` alone if the set holds it, else the set.
    #[must_use]
    pub fn deny_wins(self) -> Self {
        if self.denies() { Self::EMPTY.with_capability(W::DENY) } else { self }
    }

    /// Whether the set holds this word.
    #[must_use]
    pub fn contains(self, word: W) -> bool {
        self.bits & (1 << word.bit()) != 0
    }

    /// Whether the two sets share a word.
    #[must_use]
    pub fn intersects(self, other: Self) -> bool {
        self.bits & other.bits != 0
    }

    /// Whether the set holds `deny`.
    #[must_use]
    pub fn denies(self) -> bool {
        self.contains(W::DENY)
    }

    /// Whether the set holds no word.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// Whether the set grants anything at all: not empty, and no `deny`.
    #[must_use]
    pub fn grants_any(self) -> bool {
        !self.is_empty() && !self.denies()
    }

    /// The mask, for places that hold sets of different alphabets.
    pub(crate) fn bits(self) -> u64 {
        self.bits
    }

    /// The words of the set, in the order of the alphabet.
    #[must_use]
    pub fn iter(self) -> CapabilityIter<W> {
        CapabilityIter { set: self, next: 0 }
    }
}

impl<W: BlockCapability> IntoIterator for CapabilitySet<W> {
    type Item = W;
    type IntoIter = CapabilityIter<W>;

    fn into_iter(self) -> CapabilityIter<W> {
        self.iter()
    }
}

impl<W> Clone for CapabilitySet<W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for CapabilitySet<W> {}

impl<W> PartialEq for CapabilitySet<W> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl<W> Eq for CapabilitySet<W> {}

impl<W: BlockCapability> Default for CapabilitySet<W> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<W: BlockCapability> fmt::Debug for CapabilitySet<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(BlockCapability::as_str)).finish()
    }
}

/// `read-fs or read-logs`: the way a missing right is named.
impl<W: BlockCapability> fmt::Display for CapabilitySet<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.iter().enumerate() {
            let joint = if index == 0 { "" } else { " or " };
            write!(f, "{joint}{}", word.as_str())?;
        }
        Ok(())
    }
}

/// The words of a [`CapabilitySet`], in the order of the alphabet.
#[derive(Clone, Copy, Debug)]
pub struct CapabilityIter<W: BlockCapability> {
    set: CapabilitySet<W>,
    next: usize,
}

impl<W: BlockCapability> Iterator for CapabilityIter<W> {
    type Item = W;

    fn next(&mut self) -> Option<W> {
        while let Some((word, _)) = W::ALL.get(self.next) {
            self.next += 1;
            if self.set.contains(*word) {
                return Some(*word);
            }
        }
        None
    }
}
