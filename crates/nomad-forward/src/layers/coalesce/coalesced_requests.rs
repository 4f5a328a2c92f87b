//! Limits and counters of coalesced requests.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// How many requests are shared, and how much of their answers is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain record of settings, each with a default")]
pub struct CoalesceLimits {
    /// Requests that others may join, at one time; beyond it each caller asks for itself, as with 0 everybody does.
    /// 4,096, at some hundred bytes each.
    pub requests: usize,
    /// The largest answer that is kept for several callers. 16 MiB: the list of 10,000 nodes has about ten.
    pub response_bytes: usize,
    /// The bytes of all answers that are kept at one time. 64 MiB: four of the largest.
    pub total_bytes: usize,
}

impl Default for CoalesceLimits {
    fn default() -> Self {
        Self { requests: 4_096, response_bytes: 16 << 20, total_bytes: 64 << 20 }
    }
}

/// The shared requests of a gateway: their bounds and their number. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct CoalescedRequests {
    limits: CoalesceLimits,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    coalesced: AtomicU64,
    buffered_bytes: AtomicUsize,
}

impl CoalescedRequests {
    /// Shares within these limits.
    #[must_use]
    pub fn new(limits: CoalesceLimits) -> Self {
        Self { limits, counts: Arc::default() }
    }

    /// Shares nothing.
    #[must_use]
    pub fn disabled() -> Self {
        Self::new(CoalesceLimits { requests: 0, ..CoalesceLimits::default() })
    }

    /// How many requests were answered by what another caller's request brought.
    #[must_use]
    pub fn coalesced_total(&self) -> u64 {
        self.counts.coalesced.load(Ordering::Relaxed)
    }

    /// How many bytes of answers are kept now.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.counts.buffered_bytes.load(Ordering::Relaxed)
    }

    pub(super) const fn is_disabled(&self) -> bool {
        self.limits.requests == 0
    }

    pub(super) const fn limits(&self) -> &CoalesceLimits {
        &self.limits
    }

    pub(super) fn record_coalesced(&self) {
        self.counts.coalesced.fetch_add(1, Ordering::Relaxed);
    }
}

/// The bytes that are kept of one answer; they count until it is dropped.
#[derive(Debug)]
pub(super) struct ByteReservation {
    shares: CoalescedRequests,
    reserved: usize,
}

impl ByteReservation {
    pub(super) const fn new(shares: CoalescedRequests) -> Self {
        Self { shares, reserved: 0 }
    }

    /// Whether an answer of this length could be kept.
    pub(super) fn fits(&self, length: usize) -> bool {
        let limits = self.shares.limits;
        length <= limits.response_bytes
            && self.shares.buffered_bytes().saturating_add(length) <= limits.total_bytes
    }

    /// Whether so many more bytes may be kept; they are counted then.
    pub(super) fn try_reserve(&mut self, bytes: usize) -> bool {
        let limits = self.shares.limits;
        if self.reserved.saturating_add(bytes) > limits.response_bytes {
            return false;
        }
        let kept = &self.shares.counts.buffered_bytes;
        let before = kept.fetch_add(bytes, Ordering::Relaxed);
        self.reserved += bytes;
        before.saturating_add(bytes) <= limits.total_bytes
    }
}

impl Drop for ByteReservation {
    fn drop(&mut self) {
        self.shares.counts.buffered_bytes.fetch_sub(self.reserved, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_bounded_by_itself_and_by_all() {
        let shares = CoalescedRequests::new(CoalesceLimits {
            requests: 1,
            response_bytes: 10,
            total_bytes: 15,
        });
        let mut one = ByteReservation::new(shares.clone());
        assert!(one.try_reserve(6) && one.try_reserve(4) && !one.try_reserve(1));
        let mut two = ByteReservation::new(shares.clone());
        assert!(two.try_reserve(5) && !two.try_reserve(1));
        drop(one);
        assert!(two.try_reserve(1));
        drop(two);
        assert_eq!(shares.buffered_bytes(), 0);
    }
}
