//! The scheduler workers of a server.
//!
//! A reference agent schedules no jobs, but its server part has background work of its own, and that work arrives
//! as in Nomad: as evaluations in a queue, from which workers take one at a time. The only type is `_core`, the
//! server's own upkeep: checking which server leads the region. A worker takes only the types it is enabled for.

mod evaluation;
mod queue;
mod worker;

use std::{
    fmt,
    num::NonZero,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nomad_wire::agent::SchedulerWorker;
use thiserror::Error;
use tokio::task::AbortHandle;

pub(crate) use self::evaluation::LeaderWatch;
use self::{evaluation::enqueue_upkeep, queue::EvaluationQueue, worker::Worker};

/// The evaluation type that every configuration must include: the server's own upkeep.
const CORE: &str = "_core";

/// The other types a worker may be enabled for.
const KINDS: [&str; 4] = ["service", "batch", "system", "sysbatch"];

/// Number of workers, and their evaluation types.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain struct, checked where it is taken")]
pub struct SchedulerConfig {
    /// Number of workers; at most the number of the machine's processors.
    pub workers: usize,
    /// Evaluation types: `_core`, and any of `service`, `batch`, `system`, `sysbatch`.
    pub enabled: Vec<String>,
}

/// Why a scheduler configuration is invalid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SchedulerConfigError {
    /// Below zero, or above the number of processors.
    #[error("number of schedulers must be between 0 and the number of processors")]
    WorkerCount,
    /// `_core` is missing.
    #[error("schedulers must be enabled for _core")]
    NoCore,
    /// An unknown evaluation type.
    #[error("there is no scheduler {0:?}")]
    UnknownKind(String),
}

/// The configuration, the worker set, and the queue that the workers share.
pub(crate) struct Schedulers {
    queue: Arc<EvaluationQueue>,
    worker_set: Mutex<WorkerSet>,
    upkeep: AbortHandle,
}

struct WorkerSet {
    config: SchedulerConfig,
    workers: Vec<Worker>,
}

impl Default for SchedulerConfig {
    /// As many workers as processors, for all types.
    fn default() -> Self {
        let enabled = KINDS.into_iter().chain([CORE]);
        Self { workers: processor_count(), enabled: enabled.map(str::to_owned).collect() }
    }
}

impl SchedulerConfig {
    /// Checks that a server can run with this configuration.
    ///
    /// # Errors
    /// [`SchedulerConfigError`].
    pub fn check(&self) -> Result<(), SchedulerConfigError> {
        if self.workers > processor_count() {
            return Err(SchedulerConfigError::WorkerCount);
        }
        if !self.enabled.iter().any(|kind| kind == CORE) {
            return Err(SchedulerConfigError::NoCore);
        }
        let unknown = |kind: &&String| *kind != CORE && !KINDS.contains(&kind.as_str());
        match self.enabled.iter().find(unknown) {
            Some(kind) => Err(SchedulerConfigError::UnknownKind(kind.clone())),
            None => Ok(()),
        }
    }
}

impl Schedulers {
    /// Starts the workers and the timer that queues upkeep; must be called inside a tokio runtime.
    pub(crate) fn start(config: SchedulerConfig, leadership: LeaderWatch) -> Self {
        let queue = Arc::new(EvaluationQueue::default());
        let upkeep = tokio::spawn(enqueue_upkeep(Arc::clone(&queue), leadership)).abort_handle();
        let workers = start_workers(&config, &queue);
        Self { queue, worker_set: Mutex::new(WorkerSet { config, workers }), upkeep }
    }

    /// The configuration in force.
    pub(crate) fn config(&self) -> SchedulerConfig {
        self.lock().config.clone()
    }

    /// Every worker, as the API shows it.
    pub(crate) fn workers(&self) -> Vec<SchedulerWorker> {
        let pool = self.lock();
        pool.workers.iter().map(|worker| worker.to_wire(&pool.config.enabled)).collect()
    }

    /// Applies another configuration until the agent ends. Previous workers finish their current evaluation; if
    /// nothing changes, they stay.
    ///
    /// # Errors
    /// [`SchedulerConfigError`]; nothing has changed then.
    pub(crate) fn reconfigure(&self, config: SchedulerConfig) -> Result<(), SchedulerConfigError> {
        config.check()?;
        let mut pool = self.lock();
        if pool.config != config {
            tracing::info!(target: "nomad", workers = config.workers, "starting scheduling worker(s)");
            pool.workers = start_workers(&config, &self.queue);
            pool.config = config;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, WorkerSet> {
        // A panic elsewhere leaves the worker set valid.
        self.worker_set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start_workers(config: &SchedulerConfig, queue: &Arc<EvaluationQueue>) -> Vec<Worker> {
    (0..config.workers).map(|_| Worker::start(queue, &config.enabled)).collect()
}

fn processor_count() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

impl Drop for Schedulers {
    fn drop(&mut self) {
        self.upkeep.abort();
    }
}

impl fmt::Debug for Schedulers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedulers").field("config", &self.config()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(workers: usize, enabled: &[&str]) -> SchedulerConfig {
        SchedulerConfig { workers, enabled: enabled.iter().copied().map(str::to_owned).collect() }
    }

    #[test]
    fn what_no_server_can_run_is_refused() {
        assert_eq!(SchedulerConfig::default().check(), Ok(()));
        assert_eq!(config(0, &["_core"]).check(), Ok(()));
        let refused = |config: SchedulerConfig| config.check().unwrap_err();
        assert_eq!(refused(config(usize::MAX, &["_core"])), SchedulerConfigError::WorkerCount);
        assert_eq!(refused(config(1, &["batch"])), SchedulerConfigError::NoCore);
        let unknown = SchedulerConfigError::UnknownKind("cron".to_owned());
        assert_eq!(refused(config(1, &["_core", "cron"])), unknown);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_change_replaces_workers() {
        let schedulers = Schedulers::start(config(1, &["_core"]), LeaderWatch::without_servers());
        let before = schedulers.workers();
        schedulers.reconfigure(config(1, &["_core"])).unwrap();
        assert_eq!(schedulers.workers()[0].id, before[0].id);
        // A list is not equal to its prefix, in either direction.
        schedulers.reconfigure(config(1, &["_core", "batch"])).unwrap();
        let changed = schedulers.workers();
        assert_ne!(changed[0].id, before[0].id);
        assert_eq!(changed[0].enabled_schedulers, ["_core", "batch"]);
        schedulers.reconfigure(config(0, &["_core"])).unwrap();
        assert!(schedulers.workers().is_empty());
        assert!(schedulers.reconfigure(config(1, &[])).is_err());
        assert_eq!(schedulers.config(), config(0, &["_core"]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_waits_and_then_works() {
        let schedulers = Schedulers::start(config(1, &["_core"]), LeaderWatch::without_servers());
        let look = || {
            let worker = schedulers.workers().remove(0);
            (worker.status, worker.workload_status)
        };
        assert_eq!(look(), ("Starting".to_owned(), "UnknownStatus".to_owned()));
        while look().1 != "WaitingToDequeue" {
            tokio::task::yield_now().await;
        }
        assert_eq!(look().0, "Started");
        assert!(schedulers.queue.done() <= 1);
        tokio::time::sleep(evaluation::UPKEEP_INTERVAL * 3).await;
        assert!(schedulers.queue.done() >= 3);
    }
}
