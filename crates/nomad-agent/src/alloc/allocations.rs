//! The allocations of a client, by id.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use nomad_wire::AllocId;

use tokio::task::spawn_blocking;

use super::persist::{self, TaskStates};
use super::{AllocSpec, Allocation};

/// Why an allocation was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AllocStartError {
    /// The agent is no client.
    #[error("the agent has no client part")]
    NoClient,
    /// Two of its tasks have this name.
    #[error("two tasks have the name {0}")]
    DuplicateTask(String),
    /// Its id is in use.
    #[error("allocation {0} exists already")]
    DuplicateId(AllocId),
    /// Its directory cannot be created, or a name in it is not a plain file name.
    #[error("cannot create the directory of allocation {id}")]
    Directory {
        /// The id of the allocation.
        id: AllocId,
        /// The file system's error.
        #[source]
        source: io::Error,
    },
}

/// Why an allocation is not collected. Nomad's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("No such allocation on client, or allocation not eligible for GC")]
pub struct NotEligibleForGc;

/// The allocations of one client. Dropping it kills the running tasks; [`Allocations::stop_all`] lets them end
/// first.
#[derive(Debug)]
pub struct Allocations {
    base: PathBuf,
    /// Where their states are persisted over restarts of the agent.
    state_dir: Option<PathBuf>,
    table: RwLock<BTreeMap<String, Arc<Allocation>>>,
}

impl Allocations {
    /// An empty table of allocations below `base`.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into(), state_dir: None, table: RwLock::default() }
    }

    /// As `new`, with the allocations of the previous run restored from the state directory: dead tasks stay dead,
    /// all others are started again. Needs a tokio runtime.
    pub(crate) async fn restore(base: impl Into<PathBuf>, kept: PathBuf) -> Self {
        let directory = kept.clone();
        let subscriber = tracing::dispatcher::get_default(Clone::clone);
        let read = spawn_blocking(move || {
            tracing::dispatcher::with_default(&subscriber, || persist::load_all(&directory))
        });
        let table = Self { base: base.into(), state_dir: Some(kept), table: RwLock::default() };
        // An error means that the runtime is shutting down.
        for (spec, before) in read.await.unwrap_or_default() {
            let id = spec.id;
            if let Err(error) = table.insert(spec, &before) {
                tracing::error!(target: "client", alloc_id = %id, %error, "cannot restore an allocation");
            }
        }
        table
    }

    /// Starts an allocation. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the id is in use, two tasks have one name, or the directory cannot be created. A task whose program
    /// cannot be started is no error of the allocation: that task is dead, with an empty log.
    pub fn start(&self, spec: AllocSpec) -> Result<Arc<Allocation>, AllocStartError> {
        self.insert(spec, &TaskStates::new())
    }

    fn insert(
        &self,
        spec: AllocSpec,
        before: &TaskStates,
    ) -> Result<Arc<Allocation>, AllocStartError> {
        if let Some(name) = duplicate_name(&spec) {
            return Err(AllocStartError::DuplicateTask(name));
        }
        match self.write().entry(spec.id.as_str().to_owned()) {
            Entry::Occupied(_) => Err(AllocStartError::DuplicateId(spec.id)),
            Entry::Vacant(slot) => {
                let id = spec.id;
                let started =
                    Allocation::start(&self.base, self.state_dir.as_deref(), spec, before);
                let started =
                    started.map_err(|source| AllocStartError::Directory { id, source })?;
                Ok(Arc::clone(slot.insert(Arc::new(started))))
            }
        }
    }

    /// The allocation with exactly this id, compared as text like in Nomad, running or not.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<Allocation>> {
        self.read().get(id).cloned()
    }

    /// All allocations, by id.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Allocation>> {
        self.read().values().cloned().collect()
    }

    /// The directory below which they are.
    #[must_use]
    pub fn base(&self) -> &std::path::Path {
        &self.base
    }

    /// Collects a terminal allocation: its files are removed, and requests for them fail with that reason. The id
    /// is remembered until the agent ends.
    ///
    /// # Errors
    /// [`NotEligibleForGc`] when there is none, it still runs, or it was collected already.
    ///
    /// # Cancel safety
    /// An allocation marked as collected is not collected again; its files may stay.
    pub async fn collect(&self, id: &str) -> Result<(), NotEligibleForGc> {
        let allocation =
            self.get(id).filter(|found| found.is_terminal()).ok_or(NotEligibleForGc)?;
        if !allocation.mark_collected() {
            return Err(NotEligibleForGc);
        }
        // A concurrent request to start a task again comes too late.
        allocation.stop().await;
        let removed = spawn_blocking(move || (allocation.remove(), allocation)).await;
        if let Ok((Err(error), allocation)) = removed {
            let alloc_id = allocation.id().as_str();
            tracing::error!(target: "client.gc", alloc_id, %error, "cannot remove the files of an allocation");
        }
        Ok(())
    }

    /// Collects all terminal allocations.
    pub async fn collect_all(&self) {
        for allocation in self.all() {
            // A running allocation is not eligible.
            let _ = self.collect(allocation.id().as_str()).await;
        }
    }

    /// Ends every task of every allocation and waits until no process is left. The persisted state is that from
    /// before, so that a later agent starts the running tasks again.
    ///
    /// # Cancel safety
    /// Tasks that were asked to end will end; none is asked before all states are persisted.
    pub async fn stop_all(&self) {
        let all = self.all();
        let sealed = all.clone();
        let seal = spawn_blocking(move || sealed.iter().for_each(|allocation| allocation.seal()));
        // An error means that the runtime is shutting down, and nothing can be persisted any more.
        drop(seal.await);
        for task in all.iter().flat_map(|allocation| allocation.tasks()) {
            task.request_stop();
        }
        for allocation in all {
            allocation.stop().await;
        }
    }

    // A panic while the lock was held leaves a valid table: an entry is there or it is not.

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Arc<Allocation>>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Arc<Allocation>>> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that two tasks have.
fn duplicate_name(spec: &AllocSpec) -> Option<String> {
    let mut seen = BTreeSet::new();
    spec.tasks.iter().find(|task| !seen.insert(&task.name)).map(|task| task.name.clone())
}
