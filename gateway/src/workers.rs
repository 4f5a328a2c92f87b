//! The threads that serve, each with a runtime of its own.
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
    all: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    /// Cloned for every connection that it serves: the count says how many.
    load: Arc<()>,
    /// None for the thread that accepts.
    elsewhere: Option<Thread>,
}

#[derive(Debug)]
struct Thread {
    handle: Handle,
    /// Dropping it ends the thread.
    _ended: oneshot::Sender<()>,
}

/// A connection's place at the worker that serves it.
#[derive(Debug)]
pub(crate) struct Share {
    _load: Arc<()>,
    handle: Option<Handle>,
}

/// The runtime of one thread.
///
/// # Errors
/// [`StartError::Runtime`].
pub fn runtime() -> Result<Runtime, StartError> {
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
        let mut all = vec![Worker { load: Arc::default(), elsewhere: None }];
        for number in 2..=threads {
            let elsewhere = Thread::start(number)?;
            all.push(Worker { load: Arc::default(), elsewhere: Some(elsewhere) });
        }
        Ok(Self { all })
    }

    /// Who serves the next connection: whoever serves fewest.
    pub(crate) fn next(&self) -> Share {
        let idlest = self.all.iter().min_by_key(|worker| Arc::strong_count(&worker.load));
        let worker = idlest.unwrap_or(&self.all[0]);
        Share {
            _load: Arc::clone(&worker.load),
            handle: worker.elsewhere.as_ref().map(|thread| thread.handle.clone()),
        }
    }
}

impl Default for Workers {
    /// Only the thread that accepts.
    fn default() -> Self {
        Self { all: vec![Worker { load: Arc::default(), elsewhere: None }] }
    }
}

impl Share {
    /// The runtime of the worker, when it is not the one that accepts.
    pub(crate) const fn handle(&self) -> Option<&Handle> {
        self.handle.as_ref()
    }
}

impl Thread {
    fn start(number: usize) -> Result<Self, StartError> {
        let runtime = runtime()?;
        let handle = runtime.handle().clone();
        let (ended, is_over) = oneshot::channel();
        let serve = move || drop(runtime.block_on(is_over));
        let named = thread::Builder::new().name(format!("worker {number}"));
        named.spawn(serve).map_err(StartError::Runtime)?;
        Ok(Self { handle, _ended: ended })
    }
}
