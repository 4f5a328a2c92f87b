//! All shared monitors.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    key::MonitorKey,
    monitor::{Monitor, Publisher, Subscription, lock},
};

/// Monitors of one agent that differ in level or style: each costs it work for every line. There are few ways to ask that
/// anybody uses, so that more are a mistake or an attack.
const MAX_PER_AGENT: usize = 16;

/// The monitors that are shared now; a handle that is cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct SharedMonitors {
    shared: Arc<SharedMonitorsInner>,
}

#[derive(Debug, Default)]
struct SharedMonitorsInner {
    open: Mutex<HashMap<MonitorKey, Arc<Monitor>>>,
    joined_total: AtomicU64,
}

/// How a caller takes part.
pub(super) enum JoinOutcome {
    /// Nobody has asked for this monitor: the caller's request is sent.
    First(Subscription, Publisher),
    /// It is there.
    Existing(Subscription),
    /// The agent has as many monitors as it may.
    LimitReached,
}

impl SharedMonitors {
    /// Requests to agents that are shared now, by one caller or several.
    #[must_use]
    pub fn open_count(&self) -> usize {
        lock(&self.shared.open).len()
    }

    /// Callers who came to a monitor that was there.
    #[must_use]
    pub fn joined_total(&self) -> u64 {
        self.shared.joined_total.load(Ordering::Relaxed)
    }

    pub(super) fn join(&self, key: MonitorKey) -> JoinOutcome {
        let mut open = lock(&self.shared.open);
        if let Some(monitor) = open.get(&key) {
            self.shared.joined_total.fetch_add(1, Ordering::Relaxed);
            return JoinOutcome::Existing(monitor.subscribe(self.clone()));
        }
        if open.keys().filter(|other| other.agent == key.agent).count() >= MAX_PER_AGENT {
            return JoinOutcome::LimitReached;
        }
        let monitor = Monitor::new(key.clone());
        let listener = monitor.subscribe(self.clone());
        let publisher = Publisher::new(Arc::clone(&monitor), self.clone());
        open.insert(key, monitor);
        JoinOutcome::First(listener, publisher)
    }

    /// A caller goes. Under the same lock as `join`, so that nobody joins what is about to end.
    pub(super) fn leave(&self, monitor: &Arc<Monitor>, stand_up: impl FnOnce()) {
        let mut open = lock(&self.shared.open);
        stand_up();
        if monitor.is_empty() {
            remove(&mut open, monitor);
            drop(open);
            monitor.cancel();
        }
    }

    /// Nobody joins this one any more.
    pub(super) fn forget(&self, monitor: &Arc<Monitor>) {
        remove(&mut lock(&self.shared.open), monitor);
    }
}

/// Another one may stand under the same key by now.
fn remove(open: &mut HashMap<MonitorKey, Arc<Monitor>>, monitor: &Arc<Monitor>) {
    if open.get(monitor.key()).is_some_and(|other| Arc::ptr_eq(other, monitor)) {
        open.remove(monitor.key());
    }
}
