//! The table of a client: its allocations by id.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use nomad_wire::AllocId;

use super::{AllocSpec, Allocation};

/// Why an allocation was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The agent runs no tasks.
    #[error("the agent has no client part")]
    NoClient,
    /// Two of its tasks have this name.
    #[error("there are two tasks called {0}")]
    SameName(String),
    /// Its id is taken.
    #[error("allocation {0} runs already")]
    Taken(AllocId),
    /// Its directory cannot be created, or a name in it is not a plain file name.
    #[error("cannot create the directory of allocation {id}")]
    Directory {
        /// The id of the allocation.
        id: AllocId,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
}

/// The allocations of one client. Dropping it kills whatever still runs; [`Allocations::stop_all`] asks first.
#[derive(Debug)]
pub struct Allocations {
    base: PathBuf,
    table: RwLock<BTreeMap<String, Arc<Allocation>>>,
}

impl Allocations {
    /// An empty table whose allocations will live below `base`.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into(), table: RwLock::default() }
    }

    /// Starts an allocation. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the id is taken, a name stands twice, or the directory cannot be made. A task whose program cannot be started is no error
    /// of the allocation: it is dead, and its log tells nothing.
    pub fn start(&self, spec: AllocSpec) -> Result<Arc<Allocation>, StartError> {
        if let Some(name) = doubled(&spec) {
            return Err(StartError::SameName(name));
        }
        match self.written().entry(spec.id.as_str().to_owned()) {
            Entry::Occupied(_) => Err(StartError::Taken(spec.id)),
            Entry::Vacant(slot) => {
                let id = spec.id;
                let started = Allocation::start(&self.base, spec);
                let started = started.map_err(|source| StartError::Directory { id, source })?;
                Ok(Arc::clone(slot.insert(Arc::new(started))))
            }
        }
    }

    /// The allocation with exactly this id, letter by letter as Nomad compares it, whether it still runs or not.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<Allocation>> {
        self.read().get(id).cloned()
    }

    /// All allocations, by id.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Allocation>> {
        self.read().values().cloned().collect()
    }

    /// The directory below which they live.
    #[must_use]
    pub fn base(&self) -> &std::path::Path {
        &self.base
    }

    /// Ends every task of every allocation and waits until no process is left.
    ///
    /// # Cancel safety
    /// Tasks that were asked to end will end.
    pub async fn stop_all(&self) {
        let all = self.all();
        for task in all.iter().flat_map(|allocation| allocation.tasks()) {
            task.ask_to_stop();
        }
        for allocation in all {
            allocation.stop().await;
        }
    }

    // A panic while the lock was held leaves a table that is whole: an entry is there or it is not.

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Arc<Allocation>>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn written(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Arc<Allocation>>> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that two tasks have.
fn doubled(spec: &AllocSpec) -> Option<String> {
    let mut seen = BTreeSet::new();
    spec.tasks.iter().find(|task| !seen.insert(&task.name)).map(|task| task.name.clone())
}
