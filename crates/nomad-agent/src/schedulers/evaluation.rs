//! What workers work on.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{self, MissedTickBehavior};
use tracing::trace;

use super::{CORE, queue::Queue};
use crate::membership::Membership;

/// How often a server looks after itself.
pub(super) const UPKEEP_INTERVAL: Duration = Duration::from_secs(10);

/// One piece of work.
#[derive(Debug)]
pub(super) struct Evaluation {
    pub(super) kind: &'static str,
    work: Leadership,
}

/// Watches who leads the region of a server, and says so in its log when that changes.
#[derive(Clone)]
pub(crate) struct Leadership {
    membership: Arc<dyn Membership>,
    region: Arc<str>,
    /// The full name of the last leader.
    last: Arc<Mutex<Option<String>>>,
}

impl Evaluation {
    pub(super) fn run(&self) {
        self.work.look();
    }
}

impl Leadership {
    pub(crate) fn of(membership: Arc<dyn Membership>, region: &str) -> Self {
        Self { membership, region: region.into(), last: Arc::default() }
    }

    #[cfg(test)]
    pub(super) fn of_nobody() -> Self {
        Self::of(Arc::new(crate::membership::Roster::new()), "global")
    }

    fn look(&self) {
        let leader = self.membership.leader(&self.region).map(|leader| leader.serf_name());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != leader {
            match &leader {
                Some(leader) => trace!(target: "nomad", leader, "cluster has a leader"),
                None => trace!(target: "nomad", "cluster has no leader"),
            }
            *last = leader;
        }
    }
}

/// Puts upkeep into the queue, for ever.
pub(super) async fn enqueue_upkeep(queue: Arc<Queue>, work: Leadership) {
    let mut tick = time::interval(UPKEEP_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        queue.put(Evaluation { kind: CORE, work: work.clone() });
    }
}

impl fmt::Debug for Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leadership").field("region", &self.region).finish_non_exhaustive()
    }
}
