//! The queue between the sources of evaluations and the workers.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

use super::evaluation::Evaluation;

/// Evaluations that wait for a worker.
///
/// It holds at most one of a type: work that is queued twice before a worker takes it needs doing once.
#[derive(Debug, Default)]
pub(super) struct EvaluationQueue {
    waiting: Mutex<VecDeque<Evaluation>>,
    changed: Notify,
    done: AtomicU64,
}

impl EvaluationQueue {
    pub(super) fn push(&self, evaluation: Evaluation) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.iter().all(|other| other.kind != evaluation.kind) {
            waiting.push_back(evaluation);
            self.changed.notify_one();
        }
    }

    /// The next evaluation of these types, as soon as there is one.
    pub(super) async fn take(&self, kinds: &[String]) -> Evaluation {
        loop {
            if let Some(evaluation) = self.pop(kinds) {
                return evaluation;
            }
            self.changed.notified().await;
        }
    }

    pub(super) fn count_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn pop(&self, kinds: &[String]) -> Option<Evaluation> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let at = waiting.iter().position(|one| kinds.iter().any(|kind| kind == one.kind))?;
        waiting.remove(at)
    }
}
