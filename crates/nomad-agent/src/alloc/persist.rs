//! The persisted state of an allocation: one file each, `<id>.json` in the state directory.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::select_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
};
use tracing::instrument::WithSubscriber as _;

use super::AllocSpec;
use crate::{
    atomic_file,
    task::{Phase, TaskSpec, TaskState},
};

/// The log target.
const TARGET: &str = "client.state";

/// States of tasks, by name.
pub(super) type TaskStates = BTreeMap<String, TaskState>;

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
struct AllocRecord {
    id: String,
    namespace: String,
    job: String,
    group: String,
    tasks: Vec<TaskSpec>,
    states: BTreeMap<String, TaskRecord>,
}

/// The persisted state of a task. A process id would mean nothing to a later agent.
#[derive(Debug, Serialize, Deserialize)]
struct TaskRecord {
    dead: bool,
    started: Option<String>,
    finished: Option<String>,
    exit_code: Option<i32>,
    restarts: u32,
}

/// The file of one allocation, and its writer.
#[derive(Debug)]
pub(super) struct StateWriter {
    file: Arc<StateFile>,
    watcher: JoinHandle<()>,
}

#[derive(Debug)]
struct StateFile {
    path: PathBuf,
    spec: AllocSpec,
    tasks: Vec<(String, watch::Receiver<TaskState>)>,
    /// Once set, nothing is written any more; the lock also keeps an older state from overwriting a newer one.
    sealed: Mutex<bool>,
}

impl StateWriter {
    /// Writes the state now and whenever a task changes.
    pub(super) fn start(
        directory: &Path,
        spec: AllocSpec,
        tasks: Vec<(String, watch::Receiver<TaskState>)>,
    ) -> Self {
        let file = directory.join(format!("{}.json", spec.id));
        let slot = Arc::new(StateFile { path: file, spec, tasks, sealed: Mutex::new(false) });
        let watcher = tokio::spawn(write_changes(Arc::clone(&slot)).with_current_subscriber());
        Self { file: slot, watcher }
    }

    /// Writes the current state, and nothing afterwards: later changes are caused by the agent's own end. May
    /// block.
    pub(super) fn seal(&self) {
        self.watcher.abort();
        self.file.write(true);
    }

    /// Removes the file of the allocation. May block.
    pub(super) fn remove(&self) {
        self.watcher.abort();
        let mut sealed = self.file.lock();
        *sealed = true;
        if let Err(error) = fs::remove_file(&self.file.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            let file = self.file.path.display();
            tracing::error!(target: TARGET, %file, %error, "cannot remove the state of an allocation");
        }
    }
}

impl Drop for StateWriter {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

impl StateFile {
    fn lock(&self) -> std::sync::MutexGuard<'_, bool> {
        // A panic while the lock was held does not affect the flag.
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, last: bool) {
        let mut sealed = self.lock();
        if *sealed {
            return;
        }
        *sealed = last;
        let states = self.tasks.iter().map(|(name, state)| (name.clone(), *state.borrow()));
        let record = AllocRecord::new(&self.spec, states);
        let written = serde_json::to_vec(&record)
            .map_err(io::Error::other)
            .and_then(|content| atomic_file::replace(&self.path, &content));
        if let Err(error) = written {
            let file = self.path.display();
            tracing::error!(target: TARGET, %file, %error, "cannot persist the state of an allocation");
        }
    }
}

async fn write_changes(slot: Arc<StateFile>) {
    let mut tasks: Vec<_> = slot.tasks.iter().map(|(_, state)| state.clone()).collect();
    loop {
        for task in &mut tasks {
            task.mark_unchanged();
        }
        let writing = Arc::clone(&slot);
        // An error means that the runtime is shutting down.
        if spawn_blocking(move || writing.write(false)).await.is_err() || tasks.is_empty() {
            return;
        }
        let (change, at, _) =
            select_all(tasks.iter_mut().map(|task| Box::pin(task.changed()))).await;
        if change.is_err() {
            // This task was stopped for good; its last state is about to be written.
            tasks.swap_remove(at);
        }
    }
}

/// The allocations whose files are in `directory`. Unreadable files are left there and logged. May block.
pub(super) fn load_all(directory: &Path) -> Vec<(AllocSpec, TaskStates)> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            let directory = directory.display();
            tracing::error!(target: TARGET, %directory, %error, "cannot read the persisted state");
            return Vec::new();
        }
    };
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    // A name with a leading dot is an incomplete file that a crash left.
    let files = files.filter(|file| {
        let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        !hidden && file.extension().is_some_and(|extension| extension == "json")
    });
    let mut files: Vec<_> = files.collect();
    files.sort_unstable();
    let read = |file: PathBuf| match load(&file) {
        Ok(kept) => Some(kept),
        Err(error) => {
            let file = file.display();
            tracing::error!(target: TARGET, %file, %error, "cannot restore an allocation");
            None
        }
    };
    files.into_iter().filter_map(read).collect()
}

fn load(file: &Path) -> io::Result<(AllocSpec, TaskStates)> {
    let record: AllocRecord = serde_json::from_slice(&fs::read(file)?)?;
    let states = record.states.into_iter().map(|(name, kept)| (name, kept.into_state())).collect();
    let spec = AllocSpec {
        id: record.id.parse().map_err(io::Error::other)?,
        namespace: record.namespace.as_str().into(),
        job: record.job,
        group: record.group,
        tasks: record.tasks,
    };
    Ok((spec, states))
}

impl AllocRecord {
    fn new(spec: &AllocSpec, states: impl Iterator<Item = (String, TaskState)>) -> Self {
        Self {
            id: spec.id.to_string(),
            namespace: spec.namespace.as_str().to_owned(),
            job: spec.job.clone(),
            group: spec.group.clone(),
            tasks: spec.tasks.clone(),
            states: states.map(|(name, state)| (name, TaskRecord::from_state(&state))).collect(),
        }
    }
}

impl TaskRecord {
    fn from_state(state: &TaskState) -> Self {
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
        Self {
            dead: state.phase == Phase::Dead,
            started: text(state.started),
            finished: text(state.finished),
            exit_code: state.exit_code,
            restarts: state.restarts,
        }
    }

    /// A task that was not dead becomes pending.
    fn into_state(self) -> TaskState {
        let time = |text: Option<String>| text.and_then(|text| text.parse().ok());
        TaskState {
            phase: if self.dead { Phase::Dead } else { Phase::Pending },
            started: time(self.started),
            finished: time(self.finished),
            exit_code: self.exit_code,
            restarts: self.restarts,
            ..TaskState::default()
        }
    }
}
