//! What the callers saw.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

/// So many wrong answers are shown; one is too many already.
const MAX_REPORTED: usize = 10;

#[derive(Default)]
pub(crate) struct LoadStats {
    calls: AtomicUsize,
    blocked: AtomicUsize,
    lines: AtomicUsize,
    streams: AtomicUsize,
    failed: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

impl LoadStats {
    pub(crate) fn record_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn record_blocking_query(&self) {
        self.blocked.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn record_line(&self) {
        self.lines.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn record_stream(&self) {
        self.streams.fetch_add(1, Ordering::Relaxed);
    }

    /// A call of the agent that dies got no answer.
    pub(crate) fn record_failure(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Something that must not be.
    pub(crate) fn record_wrong(&self, what: String) {
        let mut wrong = self.wrong.lock().unwrap();
        if wrong.len() < MAX_REPORTED {
            wrong.push(what);
        }
    }

    pub(crate) fn failed(&self) -> usize {
        self.failed.load(Ordering::Relaxed)
    }

    pub(crate) fn responses(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn wrong(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }

    #[expect(clippy::print_stdout, reason = "the figures are what the script is run for")]
    pub(crate) fn report(&self, when: &str) {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        println!(
            "{when}: {} answers, {} blocking queries, {} follow streams with {} lines, {} calls of the dead agent failed, {} wrong",
            count(&self.calls),
            count(&self.blocked),
            count(&self.streams),
            count(&self.lines),
            count(&self.failed),
            self.wrong().len(),
        );
    }
}
