//! Actions on a running task, other than stopping it.

use rustix::process::Signal;
use tokio::sync::oneshot;

/// Where the result of an action goes. Its receiver may be gone.
pub(super) type ResultSender = oneshot::Sender<Result<(), TaskActionError>>;

/// An action that only the runner of a task can take, because only it knows that the process is still the same one.
#[derive(Debug)]
pub(super) enum Action {
    /// End the process and start it again.
    Restart {
        /// Whether a dead task is started as well.
        include_dead: bool,
        /// Notified when the new process has started.
        done: ResultSender,
    },
    /// Send a signal to the process itself, not to its children, as Nomad's drivers do.
    Signal {
        /// The signal.
        signal: Signal,
        /// Notified when it was sent.
        done: ResultSender,
    },
}

impl Action {
    /// Reports that the task is in no state for the action.
    pub(super) fn refuse(self) {
        let (Self::Restart { done, .. } | Self::Signal { done, .. }) = self;
        send_result(done, Err(TaskActionError::NotRunning));
    }
}

/// Sends the result of an action; the receiver may be gone, which does not matter.
pub(super) fn send_result(done: ResultSender, result: Result<(), TaskActionError>) {
    drop(done.send(result));
}

/// Why an action was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskActionError {
    /// The task is not running. Nomad's text.
    #[error("Task not running")]
    NotRunning,
    /// The operating system refused to send the signal.
    #[error("cannot signal the task")]
    Signal(#[source] rustix::io::Errno),
}
