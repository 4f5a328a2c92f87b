//! Bounds the lookups that are repeated at the leader.
//!
//! Any server may say what a token is worth, and a server may lag behind: a token that was just made, or a policy that
//! was just written, does not exist there yet. So a bad answer is asked for once more, of the leader. Whoever invents
//! tokens could make work for it in this way; therefore one such question is asked at a time, few wait for their turn,
//! and while there is no leader nobody waits.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::lock::{Mutex, MutexGuard};

/// How many questions may wait for their turn. An answer takes a leader some milliseconds, so that the last one waits for
/// less than a second.
const MAX_WAITING: usize = 64;

/// How long nobody asks the leader after it gave no answer. A server without a leader takes 5 s to say so.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// The turns of one region's leader.
#[derive(Debug, Default)]
pub(super) struct Confirmations {
    /// The leader is not asked before this moment.
    not_before: Mutex<Duration>,
    waiting: AtomicUsize,
}

/// The right to ask the leader; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct LeaderPermit<'a>(MutexGuard<'a, Duration>);

impl Confirmations {
    /// Waits for a turn; none when too many wait, or when there was no leader a moment ago.
    pub(super) async fn acquire(&self, elapsed: impl Fn() -> Duration) -> Option<LeaderPermit<'_>> {
        let waiting = WaitGuard::enter(&self.waiting)?;
        let not_before = self.not_before.lock().await;
        drop(waiting);
        (*not_before <= elapsed()).then_some(LeaderPermit(not_before))
    }
}

impl LeaderPermit<'_> {
    /// The leader gave no answer.
    pub(super) fn pause(mut self, elapsed: Duration) {
        *self.0 = elapsed + RETRY_PAUSE;
    }
}

/// One of those who wait, until it is dropped.
struct WaitGuard<'a>(&'a AtomicUsize);

impl<'a> WaitGuard<'a> {
    fn enter(waiting: &'a AtomicUsize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let entered = Self(waiting);
        (before < MAX_WAITING).then_some(entered)
    }
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
