//! How much is shared, and how often it was.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// How many requests are shared, and how much of their answers is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain record of settings, each with a default")]
pub struct ShareLimits {
    /// Requests that others may join, at one time; beyond it each caller asks for itself, as with 0 everybody does.
    /// 4,096, at some hundred bytes each.
    pub flights: usize,
    /// The largest answer that is kept for several callers. 16 MiB: the list of 10,000 nodes has about ten.
    pub body: usize,
    /// The bytes of all answers that are kept at one time. 64 MiB: four of the largest.
    pub kept: usize,
}

impl Default for ShareLimits {
    fn default() -> Self {
        Self { flights: 4_096, body: 16 << 20, kept: 64 << 20 }
    }
}

/// The shared requests of a gateway: their bounds and their number. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct Shares {
    limits: ShareLimits,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    shared: AtomicU64,
    kept: AtomicUsize,
}

impl Shares {
    /// Shares within these limits.
    #[must_use]
    pub fn new(limits: ShareLimits) -> Self {
        Self { limits, counts: Arc::default() }
    }

    /// Shares nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::new(ShareLimits { flights: 0, ..ShareLimits::default() })
    }

    /// How many requests were answered by what another caller's request brought.
    #[must_use]
    pub fn shared(&self) -> u64 {
        self.counts.shared.load(Ordering::Relaxed)
    }

    /// How many bytes of answers are kept now.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.counts.kept.load(Ordering::Relaxed)
    }

    pub(super) const fn is_off(&self) -> bool {
        self.limits.flights == 0
    }

    pub(super) const fn limits(&self) -> &ShareLimits {
        &self.limits
    }

    pub(super) fn count_shared(&self) {
        self.counts.shared.fetch_add(1, Ordering::Relaxed);
    }
}

/// The bytes that are kept of one answer; they count until it is dropped.
#[derive(Debug)]
pub(super) struct Purse {
    shares: Shares,
    held: usize,
}

impl Purse {
    pub(super) const fn new(shares: Shares) -> Self {
        Self { shares, held: 0 }
    }

    /// Whether an answer of this length could be kept.
    pub(super) fn has_room(&self, length: usize) -> bool {
        let limits = self.shares.limits;
        length <= limits.body && self.shares.kept().saturating_add(length) <= limits.kept
    }

    /// Whether so many more bytes may be kept; they are counted then.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let limits = self.shares.limits;
        if self.held.saturating_add(bytes) > limits.body {
            return false;
        }
        let kept = &self.shares.counts.kept;
        let before = kept.fetch_add(bytes, Ordering::Relaxed);
        self.held += bytes;
        before.saturating_add(bytes) <= limits.kept
    }
}

impl Drop for Purse {
    fn drop(&mut self) {
        self.shares.counts.kept.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purse_is_bounded_by_itself_and_by_all() {
        let shares = Shares::new(ShareLimits { flights: 1, body: 10, kept: 15 });
        let mut one = Purse::new(shares.clone());
        assert!(one.take(6) && one.take(4) && !one.take(1));
        let mut two = Purse::new(shares.clone());
        assert!(two.take(5) && !two.take(1));
        drop(one);
        assert!(two.take(1));
        drop(two);
        assert_eq!(shares.kept(), 0);
    }
}
