//! Sets of words of one alphabet.

use std::{fmt, marker::PhantomData};

use super::Level;

/// One alphabet of capabilities: the words a block accepts, at most 64 of them.
pub trait Word: Copy + Eq + fmt::Debug + Send + Sync + 'static {
    /// Every word with its spelling, in the order of its bits.
    const WORDS: &'static [(Self, &'static str)];

    /// The word that withdraws all others.
    const DENY: Self;

    /// The bit of this word, below 64.
    #[must_use]
    fn bit(self) -> u32;

    /// What `policy = "<level>"` stands for in this block.
    #[must_use]
    fn of_level(level: Level) -> Set<Self>;

    /// The set with everything its words imply; most alphabets imply nothing.
    #[must_use]
    fn with_implied(set: Set<Self>) -> Set<Self> {
        set
    }

    /// The spelling of this word.
    #[must_use]
    fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(word, _)| *word == self).map_or("", |(_, text)| text)
    }

    /// The word with this spelling; case matters, as it does to Nomad.
    #[must_use]
    fn parse(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, word)| *word == text).map(|(word, _)| *word)
    }
}

/// A set of words of one alphabet.
///
/// ```
/// use nomad_acl::capability::{Capability, Set};
///
/// let read = Set::of(&[Capability::ReadJob, Capability::ListJobs]);
/// let deny = Set::of(&[Capability::Deny]);
/// assert!(read.has(Capability::ReadJob));
/// assert_eq!(read.join(deny), deny);
/// ```
pub struct Set<W> {
    bits: u64,
    word: PhantomData<W>,
}

impl<W: Word> Set<W> {
    /// The set without a word.
    pub const EMPTY: Self = Self { bits: 0, word: PhantomData };

    /// The set of these words.
    #[must_use]
    pub fn of(words: &[W]) -> Self {
        words.iter().fold(Self::EMPTY, |set, word| set.with(*word))
    }

    /// The set and this word.
    #[must_use]
    pub fn with(self, word: W) -> Self {
        Self { bits: self.bits | 1 << word.bit(), word: PhantomData }
    }

    /// Every word of either set; a `deny` does nothing here. Variable paths merge this way.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { bits: self.bits | other.bits, word: PhantomData }
    }

    /// Every word of either set, or `deny` alone as soon as one of them holds it.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        self.union(other).deny_alone()
    }

    /// `deny` alone if the set holds it, else the set.
    #[must_use]
    pub fn deny_alone(self) -> Self {
        if self.denies() { Self::EMPTY.with(W::DENY) } else { self }
    }

    /// Whether the set holds this word.
    #[must_use]
    pub fn has(self, word: W) -> bool {
        self.bits & (1 << word.bit()) != 0
    }

    /// Whether the two sets share a word.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        self.bits & other.bits != 0
    }

    /// Whether the set holds `deny`.
    #[must_use]
    pub fn denies(self) -> bool {
        self.has(W::DENY)
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
    pub fn words(self) -> Words<W> {
        Words { set: self, next: 0 }
    }
}

impl<W: Word> IntoIterator for Set<W> {
    type Item = W;
    type IntoIter = Words<W>;

    fn into_iter(self) -> Words<W> {
        self.words()
    }
}

impl<W> Clone for Set<W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Set<W> {}

impl<W> PartialEq for Set<W> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl<W> Eq for Set<W> {}

impl<W: Word> Default for Set<W> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<W: Word> fmt::Debug for Set<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.words().map(Word::as_str)).finish()
    }
}

/// `read-fs or read-logs`: the way a missing right is named.
impl<W: Word> fmt::Display for Set<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.words().enumerate() {
            let joint = if index == 0 { "" } else { " or " };
            write!(f, "{joint}{}", word.as_str())?;
        }
        Ok(())
    }
}

/// The words of a [`Set`], in the order of the alphabet.
#[derive(Clone, Copy, Debug)]
pub struct Words<W: Word> {
    set: Set<W>,
    next: usize,
}

impl<W: Word> Iterator for Words<W> {
    type Item = W;

    fn next(&mut self) -> Option<W> {
        while let Some((word, _)) = W::WORDS.get(self.next) {
            self.next += 1;
            if self.set.has(*word) {
                return Some(*word);
            }
        }
        None
    }
}
