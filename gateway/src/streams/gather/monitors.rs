//! All monitors that are shared now.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    key::Key,
    monitor::{Listener, Monitor, Publisher, locked},
};

/// Monitors of one agent that differ in level or style: each costs it work for every line. There are few ways to ask that
/// anybody uses, so that more are a mistake or an attack.
const PER_AGENT: usize = 16;

/// The monitors that are shared now; a handle that is cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Monitors {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    open: Mutex<HashMap<Key, Arc<Monitor>>>,
    joined: AtomicU64,
}

/// How a caller takes part.
pub(super) enum Joined {
    /// Nobody has asked for this monitor: the caller's request is sent.
    First(Listener, Publisher),
    /// It is there.
    Later(Listener),
    /// The agent has as many monitors as it may.
    Full,
}

impl Monitors {
    /// Requests to agents that are shared now, by one caller or several.
    #[must_use]
    pub fn open(&self) -> usize {
        locked(&self.shared.open).len()
    }

    /// Callers who came to a monitor that was there.
    #[must_use]
    pub fn joined(&self) -> u64 {
        self.shared.joined.load(Ordering::Relaxed)
    }

    pub(super) fn join(&self, key: Key) -> Joined {
        let mut open = locked(&self.shared.open);
        if let Some(monitor) = open.get(&key) {
            self.shared.joined.fetch_add(1, Ordering::Relaxed);
            return Joined::Later(monitor.listen(self.clone()));
        }
        if open.keys().filter(|other| other.agent == key.agent).count() >= PER_AGENT {
            return Joined::Full;
        }
        let monitor = Monitor::new(key.clone());
        let listener = monitor.listen(self.clone());
        let publisher = Publisher::new(Arc::clone(&monitor), self.clone());
        open.insert(key, monitor);
        Joined::First(listener, publisher)
    }

    /// A caller goes. Under the same lock as `join`, so that nobody joins what is about to end.
    pub(super) fn leave(&self, monitor: &Arc<Monitor>, stand_up: impl FnOnce()) {
        let mut open = locked(&self.shared.open);
        stand_up();
        if monitor.is_empty() {
            remove(&mut open, monitor);
            drop(open);
            monitor.cancel();
        }
    }

    /// Nobody joins this one any more.
    pub(super) fn forget(&self, monitor: &Arc<Monitor>) {
        remove(&mut locked(&self.shared.open), monitor);
    }
}

/// Another one may stand under the same key by now.
fn remove(open: &mut HashMap<Key, Arc<Monitor>>, monitor: &Arc<Monitor>) {
    if open.get(monitor.key()).is_some_and(|other| Arc::ptr_eq(other, monitor)) {
        open.remove(monitor.key());
    }
}
