//! Worker threads, each with its own runtime.
//!
//! ```text
//!  the program's own thread   accepts, watches the cluster, serves its share of connections
//!  worker 2 .. worker n       serve theirs
//! ```
//!
//! A connection stays with the thread that it was given to, and so does the connection to an agent that was opened for
//! it: nothing that moves bytes wakes another thread. One runtime that shares its tasks among threads was measured too,
//! and pays for the sharing with every request.

use std::{num::NonZero, sync::Arc, thread};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::oneshot,
};

use crate::StartError;

/// Threads that serve. Dropped, they end, and what they serve with them.
#[derive(Debug)]
pub struct Workers {
    /// The thread that accepts is the first.
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    /// Cloned for every connection that it serves: the count says how many.
    load: Arc<()>,
    /// None for the thread that accepts.
    thread: Option<WorkerThread>,
}

#[derive(Debug)]
struct WorkerThread {
    handle: Handle,
    /// Dropping it ends the thread.
    _ended: oneshot::Sender<()>,
}

/// A connection's place at the worker that serves it.
#[derive(Debug)]
pub(crate) struct WorkerSlot {
    _load: Arc<()>,
    handle: Option<Handle>,
}

/// The runtime of one thread.
///
/// # Errors
/// [`StartError::Runtime`].
pub fn new_runtime() -> Result<Runtime, StartError> {
    Builder::new_current_thread().enable_all().build().map_err(StartError::Runtime)
}

/// As many threads as the machine runs at once.
#[must_use]
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

impl Workers {
    /// So many threads, with the one that accepts; at least that one.
    ///
    /// # Errors
    /// [`StartError::Runtime`] when a thread or its runtime cannot be made.
    pub fn start(threads: usize) -> Result<Self, StartError> {
        let mut all = vec![Worker { load: Arc::default(), thread: None }];
        for number in 2..=threads {
            let elsewhere = WorkerThread::start(number)?;
            all.push(Worker { load: Arc::default(), thread: Some(elsewhere) });
        }
        Ok(Self { workers: all })
    }

    /// LookupTokens serves the next connection: whoever serves fewest.
    pub(crate) fn least_loaded(&self) -> WorkerSlot {
        let idlest = self.workers.iter().min_by_key(|worker| Arc::strong_count(&worker.load));
        let worker = idlest.unwrap_or(&self.workers[0]);
        WorkerSlot {
            _load: Arc::clone(&worker.load),
            handle: worker.thread.as_ref().map(|thread| thread.handle.clone()),
        }
    }
}

impl Default for Workers {
    /// Only the thread that accepts.
    fn default() -> Self {
        Self { workers: vec![Worker { load: Arc::default(), thread: None }] }
    }
}

impl WorkerSlot {
    /// The runtime of the worker, when it is not the one that accepts.
    pub(crate) const fn handle(&self) -> Option<&Handle> {
        self.handle.as_ref()
    }
}

impl WorkerThread {
    fn start(number: usize) -> Result<Self, StartError> {
        let runtime = new_runtime()?;
        let handle = runtime.handle().clone();
        let (ended, is_over) = oneshot::channel();
        let serve = move || drop(runtime.block_on(is_over));
        let named = thread::Builder::new().name(format!("worker {number}"));
        named.spawn(serve).map_err(StartError::Runtime)?;
        Ok(Self { handle, _ended: ended })
    }
}
