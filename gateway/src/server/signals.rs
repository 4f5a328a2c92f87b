//! Signals: the first drains, the second ends the program at once.

use std::{pin::pin, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};

use crate::{ShutdownController, StartError};

/// When the grace is over everything only closes; what is not gone by then is left to the system.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// An ear for SIGINT and SIGTERM.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever serves has ended or has not")]
pub enum DrainOutcome {
    /// Nothing was left to do.
    Complete,
    /// Something did not end in time.
    TimedOut,
}

impl Signals {
    /// From now on these signals no longer end the process by themselves.
    ///
    /// # Errors
    /// [`StartError::Signals`].
    pub fn listen() -> Result<Self, StartError> {
        let listen = |kind| signal(kind).map_err(StartError::Signals);
        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        Ok(Self { interrupt: listen(interrupt)?, terminate: listen(terminate)? })
    }

    /// Returns at the next one.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Lets `serving` finish: the end is announced, what has begun gets its grace, and the next signal takes the rest
    /// of the grace back.
    pub async fn drain(
        &mut self,
        stopper: &ShutdownController,
        serving: impl Future,
    ) -> DrainOutcome {
        let mut serving = pin!(serving);
        stopper.start_drain();
        let ended = tokio::select! {
            ended = timeout(stopper.grace() + CLOSE_TIMEOUT, serving.as_mut()) => ended.is_ok(),
            () = self.next() => {
                stopper.close_now();
                timeout(CLOSE_TIMEOUT, serving).await.is_ok()
            }
        };
        if ended { DrainOutcome::Complete } else { DrainOutcome::TimedOut }
    }
}
