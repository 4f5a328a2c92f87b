//! The evaluations of the scheduler workers.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{self, MissedTickBehavior};
use tracing::trace;

use super::{CORE, queue::EvaluationQueue};
use crate::membership::Membership;

/// How often a server does its upkeep.
pub(super) const UPKEEP_INTERVAL: Duration = Duration::from_secs(10);

/// One unit of work.
#[derive(Debug)]
pub(super) struct Evaluation {
    pub(super) kind: &'static str,
    work: LeaderWatch,
}

/// Watches which server leads the region, and logs a change.
#[derive(Clone)]
pub(crate) struct LeaderWatch {
    membership: Arc<dyn Membership>,
    region: Arc<str>,
    /// The full name of the last leader.
    last: Arc<Mutex<Option<String>>>,
}

impl Evaluation {
    pub(super) fn run(&self) {
        self.work.check();
    }
}

impl LeaderWatch {
    pub(crate) fn new(membership: Arc<dyn Membership>, region: &str) -> Self {
        Self { membership, region: region.into(), last: Arc::default() }
    }

    #[cfg(test)]
    pub(super) fn without_servers() -> Self {
        Self::new(Arc::new(crate::membership::Roster::new()), "global")
    }

    fn check(&self) {
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

/// Queues upkeep periodically, forever.
pub(super) async fn enqueue_upkeep(queue: Arc<EvaluationQueue>, work: LeaderWatch) {
    let mut tick = time::interval(UPKEEP_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        queue.push(Evaluation { kind: CORE, work: work.clone() });
    }
}

impl fmt::Debug for LeaderWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaderWatch").field("region", &self.region).finish_non_exhaustive()
    }
}
