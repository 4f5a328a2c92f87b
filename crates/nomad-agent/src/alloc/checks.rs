//! Runs the checks of an allocation, and holds their results.

mod checker;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use nomad_wire::{
    AllocId,
    client::{AllocChecks, CheckResult},
};
use tokio::{sync::watch, task::JoinSet, time};
use tracing::instrument::WithSubscriber as _;
use uuid::Uuid;

use self::checker::CheckOutcome;
use crate::task::{Check, Phase, Task, TaskContext, TaskState};

/// Shown for a check that has not run yet. Nomad's text.
const PENDING_OUTPUT: &str = "nomad: waiting to run";

/// The checks of one allocation. Dropping them ends them.
#[derive(Debug)]
pub(super) struct Checks {
    results: CheckResults,
    _running: JoinSet<()>,
}

#[derive(Debug, Clone, Default)]
struct CheckResults(Arc<Mutex<BTreeMap<String, CheckResult>>>);

impl Checks {
    /// Runs the checks of these tasks. Needs a tokio runtime if there are any.
    pub(super) fn start<'a>(
        id: &AllocId,
        group: &str,
        tasks: impl Iterator<Item = &'a Task>,
    ) -> Self {
        let results = CheckResults::default();
        let mut running = JoinSet::new();
        for task in tasks {
            for check in &task.spec().checks {
                let first = pending_result(id, group, task.name(), check);
                let one = PeriodicCheck {
                    id: first.id.clone(),
                    check: check.clone(),
                    context: Arc::clone(task.context()),
                    state: task.subscribe(),
                    results: results.clone(),
                };
                results.lock().insert(first.id.clone(), first);
                running.spawn(one.run().with_current_subscriber());
            }
        }
        Self { results, _running: running }
    }

    /// The last results; empty without checks.
    pub(super) fn results(&self) -> AllocChecks {
        let results = self.results.lock();
        AllocChecks((!results.is_empty()).then(|| results.clone()))
    }
}

impl CheckResults {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, CheckResult>> {
        // A panic halfway leaves an older result, which is still valid.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One check that runs periodically, and what it needs.
struct PeriodicCheck {
    id: String,
    check: Check,
    context: Arc<TaskContext>,
    state: watch::Receiver<TaskState>,
    results: CheckResults,
}

impl PeriodicCheck {
    async fn run(mut self) {
        // An error means that the task was stopped for good.
        while self.state.wait_for(|state| state.phase == Phase::Running).await.is_ok() {
            let outcome = checker::run_check(&self.check, &self.context).await;
            self.record(outcome);
            time::sleep(self.check.interval).await;
        }
    }

    fn record(&self, outcome: CheckOutcome) {
        if let Some(result) = self.results.lock().get_mut(&self.id) {
            result.status = if outcome.success { "success" } else { "failure" }.to_owned();
            result.status_code = Some(i64::from(outcome.status));
            result.output = outcome.output;
            result.timestamp = Timestamp::now().as_second();
        }
    }
}

/// The result of a check before its first run.
fn pending_result(id: &AllocId, group: &str, task: &str, check: &Check) -> CheckResult {
    // The same check of the same allocation has the same id in every run of the agent.
    let name = [id.as_str(), group, task, &check.service, &check.name].join("\n");
    CheckResult {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).simple().to_string(),
        mode: check.mode.as_str().to_owned(),
        status: "pending".to_owned(),
        output: PENDING_OUTPUT.to_owned(),
        timestamp: Timestamp::now().as_second(),
        group: group.to_owned(),
        task: Some(task.to_owned()),
        service: check.service.clone(),
        check: check.name.clone(),
        ..CheckResult::default()
    }
}
