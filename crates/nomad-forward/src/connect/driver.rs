//! Who moves the bytes of a connection to an agent.
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

use super::place::Place;

/// A connection's work until it ends.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What moves a connection's bytes. Dropped, it closes the connection, also in the middle of a stream.
pub(super) enum Driver {
    /// Whoever asks and reads.
    Caller(Work),
    /// A task.
    Task(Task),
    /// Nobody: the connection has ended, or belongs to somebody else.
    Nobody,
}

/// A task that moves bytes. It ends with its owner.
pub(super) struct Task {
    handle: Option<JoinHandle<()>>,
    /// What becomes free when the task has closed its socket.
    legacy: Arc<Mutex<Option<Place>>>,
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
        Self::Caller(Box::pin(work))
    }

    /// Moves what can be moved. A task needs no help.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        if let Self::Caller(work) = self
            && let Poll::Ready(()) = work.as_mut().poll(cx)
        {
            *self = Self::Nobody;
        }
    }

    /// Lets a task do it from now on, unless one does already.
    pub(super) fn detach(&mut self) {
        match std::mem::replace(self, Self::Nobody) {
            Self::Caller(work) => {
                let legacy = Arc::default();
                let held = Arc::clone(&legacy);
                let handle = tokio::spawn(async move {
                    work.await;
                    drop(held);
                });
                *self = Self::Task(Task { handle: Some(handle), legacy });
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
            Self::Caller(_) => false,
            Self::Task(task) => task.handle.as_ref().is_none_or(JoinHandle::is_finished),
            Self::Nobody => true,
        }
    }

    /// Lets the work go on for whoever gets the connection upgraded; it ends by itself then.
    pub(super) fn let_go(self) {
        match self {
            Self::Caller(work) => drop(tokio::spawn(work)),
            Self::Task(mut task) => drop(task.handle.take()),
            Self::Nobody => {}
        }
    }

    /// Closes the connection; `place` becomes free after that.
    pub(super) fn close(self, place: Option<Place>) {
        match self {
            Self::Task(task) => {
                *task.legacy.lock().unwrap_or_else(PoisonError::into_inner) = place;
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
            Self::Caller(_) => "Caller",
            Self::Task(..) => "Task",
            Self::Nobody => "Nobody",
        })
    }
}
