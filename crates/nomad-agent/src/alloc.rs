//! Allocations: what this client runs, by id.

mod actions;
mod alloc_dir;
mod allocations;
mod checks;
mod persist;
mod snapshot;
mod usage;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use nomad_wire::client::{AllocChecks, AllocStats};
use nomad_wire::{AllocId, Namespace};

use crate::files::Files;
use crate::task::{Phase, Task, TaskEnvironment, TaskSpec};

pub use actions::{AllocActionError, RestartScope};
pub use alloc_dir::AllocDir;
pub(crate) use alloc_dir::create_base;
pub use allocations::{AllocStartError, Allocations, NotEligibleForGc};
use checks::Checks;
use persist::{StateWriter, TaskStates};
pub(crate) use snapshot::write_snapshot;
use usage::AllocUsage;

/// What to run as one allocation.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "its users write it out to start an allocation")]
pub struct AllocSpec {
    /// Its id.
    pub id: AllocId,
    /// The namespace it belongs to; access to it is authorized by it.
    pub namespace: Namespace,
    /// The job it is part of.
    pub job: String,
    /// The task group of that job.
    pub group: String,
    /// Its tasks, started in this order without waiting for each other.
    pub tasks: Vec<TaskSpec>,
}

/// A started allocation: a directory and the tasks that run in it.
#[derive(Debug)]
pub struct Allocation {
    id: AllocId,
    namespace: Namespace,
    job: String,
    group: String,
    directory: AllocDir,
    tasks: BTreeMap<String, Task>,
    usage: Mutex<AllocUsage>,
    checks: Checks,
    state_writer: Option<StateWriter>,
    collected: AtomicBool,
}

impl Allocation {
    /// Creates the directory below `base` and starts the tasks, those in `before` from their previous state. With a
    /// state directory their states are persisted there. Needs a tokio runtime.
    fn start(
        base: &Path,
        state_dir: Option<&Path>,
        spec: AllocSpec,
        previous: &TaskStates,
    ) -> io::Result<Self> {
        let names = spec.tasks.iter().map(|task| task.name.as_str());
        let directory = AllocDir::create(base, spec.id.as_str(), names)?;
        let start = |task: &TaskSpec| {
            let home = task_environment(&directory, spec.id.as_str(), &task.name);
            let before = previous.get(&task.name).copied().unwrap_or_default();
            (task.name.clone(), Task::start(task.clone(), home, before))
        };
        let tasks: BTreeMap<_, _> = spec.tasks.iter().map(start).collect();
        let name = alloc_name(&spec.job, &spec.group);
        let changes = tasks.values().map(|task| (task.name().to_owned(), task.subscribe()));
        let changes = changes.collect();
        Ok(Self {
            id: spec.id,
            namespace: spec.namespace.clone(),
            job: spec.job.clone(),
            group: spec.group.clone(),
            checks: Checks::start(&spec.id, &name, tasks.values()),
            state_writer: state_dir.map(|kept| StateWriter::start(kept, spec, changes)),
            directory,
            tasks,
            usage: Mutex::new(AllocUsage::new()),
            collected: AtomicBool::new(false),
        })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &AllocId {
        &self.id
    }

    /// The namespace by which access to it is authorized.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The job it is part of.
    #[must_use]
    pub fn job(&self) -> &str {
        &self.job
    }

    /// The task group it was made from.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Its name, as Nomad builds it. This agent runs one allocation of a group at a time, so the index is 0.
    #[must_use]
    pub fn name(&self) -> String {
        alloc_name(&self.job, &self.group)
    }

    /// Its directory.
    #[must_use]
    pub fn directory(&self) -> &AllocDir {
        &self.directory
    }

    /// One task, by name.
    #[must_use]
    pub fn task(&self, name: &str) -> Option<&Task> {
        self.tasks.get(name)
    }

    /// Its tasks, by name.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }

    /// Its files, as a client of the API may see them.
    pub(crate) fn files(&self) -> Files {
        Files::new(self.directory.root().to_owned(), self.tasks.keys().cloned().collect())
    }

    /// Measures what its tasks use now; with `only`, that task alone. Reads every process of this host, so call it
    /// on a thread that may block.
    pub(crate) fn measure(&self, only: Option<&str>) -> io::Result<AllocStats> {
        let running = self.tasks().filter_map(|task| Some((task.name(), task.state().pid?)));
        // A panic halfway leaves an older sample, which is still valid.
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        usage.measure(running, only, Timestamp::now())
    }

    /// The results of its checks; empty without checks and once it has been collected.
    pub(crate) fn checks(&self) -> AllocChecks {
        if self.is_collected() { AllocChecks::default() } else { self.checks.results() }
    }

    /// Whether all its tasks are dead.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.tasks().all(|task| task.state().phase == Phase::Dead)
    }

    /// Whether its files are removed, so that only its id is left.
    #[must_use]
    pub fn is_collected(&self) -> bool {
        self.collected.load(Ordering::Acquire)
    }

    /// Marks it as collected; false if it was marked already.
    fn mark_collected(&self) -> bool {
        !self.collected.swap(true, Ordering::AcqRel)
    }

    /// Persists its state now and never again, whatever happens to its tasks. May block.
    fn seal(&self) {
        if let Some(keeper) = &self.state_writer {
            keeper.seal();
        }
    }

    /// Removes its files and its persisted state. May block.
    fn remove(&self) -> io::Result<()> {
        if let Some(keeper) = &self.state_writer {
            keeper.remove();
        }
        match std::fs::remove_dir_all(self.directory.root()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Ends all tasks at once and waits until none of their processes is left. The files stay.
    ///
    /// # Cancel safety
    /// Tasks that were asked to end will end.
    pub async fn stop(&self) {
        for task in self.tasks.values() {
            task.request_stop();
        }
        for task in self.tasks.values() {
            task.stop().await;
        }
    }
}

/// The name of an allocation, as Nomad builds it.
fn alloc_name(job: &str, group: &str) -> String {
    format!("{job}.{group}[0]")
}

/// A task's directories, and the part of Nomad's environment variables that names them.
fn task_environment(directory: &AllocDir, id: &str, task: &str) -> TaskEnvironment {
    let root = directory.task(task);
    let shown = |path: &Path| path.to_string_lossy().into_owned();
    let env = [
        ("NOMAD_ALLOC_ID", id.to_owned()),
        ("NOMAD_TASK_NAME", task.to_owned()),
        ("NOMAD_ALLOC_DIR", shown(&directory.root().join("alloc"))),
        ("NOMAD_TASK_DIR", shown(&root.join("local"))),
        ("NOMAD_SECRETS_DIR", shown(&root.join("secrets"))),
    ];
    TaskEnvironment {
        directory: root,
        logs: directory.logs(),
        env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}
