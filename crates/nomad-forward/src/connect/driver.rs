//! Drives the I/O of a connection to an agent.
//!
//! Whoever waits for an answer moves them: asking and reading then wake nobody else, and what the agent sent together
//! goes on together. Only while a request still has a body to send is there a task of its own: an agent may answer
//! before it has read everything, and a caller may read that answer late.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::task::JoinHandle;

use super::permit::Permit;

/// A connection's work until it ends.
type ConnectionFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What moves a connection's bytes. Dropped, it closes the connection, also in the middle of a stream.
pub(super) enum Driver {
    /// Whoever asks and reads.
    Inline(ConnectionFuture),
    /// A task.
    Task(Task),
    /// Nobody: the connection has ended, or belongs to somebody else.
    Done,
}

/// A task that moves bytes. It ends with its owner.
pub(super) struct Task {
    handle: Option<JoinHandle<()>>,
    /// What becomes free when the task has closed its socket.
    release_on_close: Arc<Mutex<Option<Permit>>>,
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(handle) = &self.handle {
            handle.abort();
        }
    }
}

impl Driver {
    pub(super) fn new(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::Inline(Box::pin(work))
    }

    /// Moves what can be moved. A task needs no help.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        if let Self::Inline(work) = self
            && let Poll::Ready(()) = work.as_mut().poll(cx)
        {
            *self = Self::Done;
        }
    }

    /// Lets a task do it from now on, unless one does already.
    pub(super) fn spawn(&mut self) {
        match std::mem::replace(self, Self::Done) {
            Self::Inline(work) => {
                let legacy = Arc::default();
                let held = Arc::clone(&legacy);
                let handle = tokio::spawn(async move {
                    work.await;
                    drop(held);
                });
                *self = Self::Task(Task { handle: Some(handle), release_on_close: legacy });
            }
            detached => *self = detached,
        }
    }

    /// A task moves its bytes, on another thread perhaps.
    pub(super) const fn is_task(&self) -> bool {
        matches!(self, Self::Task(_))
    }

    /// Nothing more will move.
    pub(super) fn is_finished(&self) -> bool {
        match self {
            Self::Inline(_) => false,
            Self::Task(task) => task.handle.as_ref().is_none_or(JoinHandle::is_finished),
            Self::Done => true,
        }
    }

    /// Lets the work go on for whoever gets the connection upgraded; it ends by itself then.
    pub(super) fn detach(self) {
        match self {
            Self::Inline(work) => drop(tokio::spawn(work)),
            Self::Task(mut task) => drop(task.handle.take()),
            Self::Done => {}
        }
    }

    /// Closes the connection; `place` becomes free after that.
    pub(super) fn close(self, place: Option<Permit>) {
        match self {
            Self::Task(task) => {
                *task.release_on_close.lock().unwrap_or_else(PoisonError::into_inner) = place;
                drop(task);
            }
            here => {
                drop(here);
                drop(place);
            }
        }
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inline(_) => "Caller",
            Self::Task(..) => "Task",
            Self::Done => "Nobody",
        })
    }
}
