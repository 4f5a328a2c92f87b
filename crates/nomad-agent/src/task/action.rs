//! What a running task can be asked for, beside ending.

use rustix::process::Signal;
use tokio::sync::oneshot;

/// Where the answer to an order goes. Nobody may be waiting for it any more.
pub(super) type ResultSender = oneshot::Sender<Result<(), TaskActionError>>;

/// Something that only the runner of a task can do, because only it knows that the process is still that one.
#[derive(Debug)]
pub(super) enum Action {
    /// End the process and start it again.
    Restart {
        /// Whether one that has ended is started as well.
        include_dead: bool,
        /// Told when the new process was started.
        done: ResultSender,
    },
    /// Send a signal to the process itself, not to its children, as Nomad's drivers do.
    Signal {
        /// The signal.
        signal: Signal,
        /// Told when it was sent.
        done: ResultSender,
    },
}

impl Action {
    /// Says that the task is in no state for it.
    pub(super) fn refuse(self) {
        let (Self::Restart { done, .. } | Self::Signal { done, .. }) = self;
        send_result(done, Err(TaskActionError::NotRunning));
    }
}

/// Answers an order. Whoever gave it may have gone away, which is nothing to the task.
pub(super) fn send_result(done: ResultSender, result: Result<(), TaskActionError>) {
    drop(done.send(result));
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskActionError {
    /// The task is not running. Nomad's words.
    #[error("Task not running")]
    NotRunning,
    /// The operating system would not send the signal.
    #[error("cannot signal the task")]
    Signal(#[source] rustix::io::Errno),
}
