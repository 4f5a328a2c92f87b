//! Stopping as a value: one holds the [`Stopper`], whoever has to end waits on a [`Stop`].

use std::time::Duration;

use tokio::sync::watch;

/// Says when it is over.
#[derive(Debug)]
pub struct Stopper {
    over: watch::Sender<bool>,
    grace: Duration,
}

/// Hears when it is over. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stop {
    over: watch::Receiver<bool>,
    grace: Duration,
}

impl Stopper {
    /// `grace` is how long answers that have begun may go on after the end was announced.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self { over: watch::Sender::new(false), grace }
    }

    /// An ear for it.
    #[must_use]
    pub fn listen(&self) -> Stop {
        Stop { over: self.over.subscribe(), grace: self.grace }
    }

    /// Announces the end.
    pub fn stop(&self) {
        self.over.send_replace(true);
    }
}

impl Stop {
    /// Returns when the end was announced, or when whoever could announce it is gone.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    pub async fn announced(&mut self) {
        // An error means that the stopper is gone, which is an end too.
        drop(self.over.wait_for(|over| *over).await);
    }

    /// How long answers that have begun may go on.
    #[must_use]
    pub const fn grace(&self) -> Duration {
        self.grace
    }
}
