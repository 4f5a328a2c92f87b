//! One worker: a task that takes an evaluation, does it, and waits for the next.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use jiff::Timestamp;
use nomad_wire::agent::SchedulerWorker;
use tokio::task::AbortHandle;
use tracing::instrument::WithSubscriber as _;
use uuid::Uuid;

use super::queue::EvaluationQueue;

/// Dropping it ends the worker: at once while it is idle, otherwise after its evaluation, which never waits.
#[derive(Debug)]
pub(super) struct Worker {
    id: Uuid,
    started: Timestamp,
    status: Arc<AtomicU8>,
    task: AbortHandle,
}

/// A worker's activity, as stored in `Worker::doing`.
const STARTING: u8 = 0;
const WAITING: u8 = 1;
const WORKING: u8 = 2;

impl Worker {
    pub(super) fn start(queue: &Arc<EvaluationQueue>, kinds: &[String]) -> Self {
        let doing = Arc::new(AtomicU8::new(STARTING));
        let run = run(Arc::clone(queue), kinds.to_vec(), Arc::clone(&doing));
        Self {
            id: Uuid::new_v4(),
            started: Timestamp::now(),
            status: doing,
            task: tokio::spawn(run.with_current_subscriber()).abort_handle(),
        }
    }

    pub(super) fn to_wire(&self, kinds: &[String]) -> SchedulerWorker {
        let (status, workload) = match self.status.load(Ordering::Relaxed) {
            STARTING => ("Starting", "UnknownStatus"),
            WORKING => ("Started", "Scheduling"),
            _ => ("Started", "WaitingToDequeue"),
        };
        SchedulerWorker {
            enabled_schedulers: kinds.to_vec(),
            id: self.id.to_string(),
            started: self.started.to_string(),
            status: status.to_owned(),
            workload_status: workload.to_owned(),
            ..SchedulerWorker::default()
        }
    }
}

async fn run(queue: Arc<EvaluationQueue>, kinds: Vec<String>, doing: Arc<AtomicU8>) {
    loop {
        doing.store(WAITING, Ordering::Relaxed);
        let evaluation = queue.take(&kinds).await;
        doing.store(WORKING, Ordering::Relaxed);
        evaluation.run();
        queue.count_done();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.task.abort();
    }
}
