//! Shutdown as a value: the [`ShutdownController`] starts it, each [`Shutdown`] waits for it.

use std::time::Duration;

use tokio::{sync::watch, time::timeout};

/// Says when it is over.
#[derive(Debug)]
pub struct ShutdownController {
    phase: watch::Sender<Phase>,
    grace: Duration,
}

/// Hears when it is over. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shutdown {
    phase: watch::Receiver<Phase>,
    grace: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// Nothing new is begun.
    Draining,
    /// Whatever is still open is closed.
    Closed,
}

impl ShutdownController {
    /// `grace` is how long answers that have begun may go on after the end was announced.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self { phase: watch::Sender::new(Phase::Serving), grace }
    }

    /// An ear for it.
    #[must_use]
    pub fn subscribe(&self) -> Shutdown {
        Shutdown { phase: self.phase.subscribe(), grace: self.grace }
    }

    /// How long answers that have begun may go on.
    #[must_use]
    pub const fn grace(&self) -> Duration {
        self.grace
    }

    /// Announces the end: nothing new is begun, and what has begun gets its grace.
    pub fn start_drain(&self) {
        self.advance_to(Phase::Draining);
    }

    /// Takes the rest of the grace back: everything ends at once.
    pub fn close_now(&self) {
        self.advance_to(Phase::Closed);
    }

    fn advance_to(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let is_later = phase > *now;
            *now = phase.max(*now);
            is_later
        });
    }
}

impl Shutdown {
    /// Returns when the end was announced, or when whoever could announce it is gone.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    pub async fn drain_started(&mut self) {
        // An error means that the stopper is gone, which is an end too.
        drop(self.phase.wait_for(|phase| *phase >= Phase::Draining).await);
    }

    /// Whether the end was announced.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        *self.phase.borrow() >= Phase::Draining
    }

    /// Waits for `work`, but no longer than what has begun may go on: until the grace has passed or was taken back.
    /// To be called when the end was announced.
    pub async fn within_grace<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let grace = self.grace;
        let over = async {
            if self.phase.wait_for(|phase| *phase == Phase::Closed).await.is_err() {
                // Nobody is left to take the grace back.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            done = timeout(grace, work) => done.ok(),
            () = over => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::Instant;

    use super::*;

    const GRACE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn what_has_begun_gets_its_grace_and_no_more() {
        let stopper = ShutdownController::new(GRACE);
        let mut stop = stopper.subscribe();
        stopper.start_drain();
        stop.drain_started().await;
        assert_eq!(stop.within_grace(async { 7 }).await, Some(7));
        let since = Instant::now();
        assert_eq!(stop.within_grace(pending::<()>()).await, None);
        assert_eq!(since.elapsed(), GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn the_grace_can_be_taken_back() {
        let stopper = ShutdownController::new(GRACE);
        let mut stop = stopper.subscribe();
        stopper.start_drain();
        let since = Instant::now();
        let ended = async {
            stop.drain_started().await;
            stop.within_grace(pending::<()>()).await
        };
        let impatient = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stopper.close_now();
            stopper.start_drain();
        };
        let (ended, ()) = tokio::join!(ended, impatient);
        assert_eq!((ended, since.elapsed()), (None, Duration::from_secs(1)));
    }
}
