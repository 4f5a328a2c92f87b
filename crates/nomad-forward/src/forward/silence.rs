//! Waiting for the head of an answer, for as long as it is worth while.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use nomad_wire::call::FirstByte;
use tokio::time::{Instant, timeout_at};

use crate::outgoing::Progress;

/// An agent that is silent for so long is asked whether it is alive, and again every time after. Longer than a caller may
/// be silent, so that no agent is asked because of a caller.
const CHECK_EVERY: Duration = Duration::from_secs(20);

/// So many health checks one after the other must fail before a call is given up: one can be lost with a machine that is
/// paused for a while.
const FAILED_CHECKS: u32 = 2;

/// As far in the future as a clock goes, in effect.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// Why an answer is waited for no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// Its time is over.
    Over(Duration),
    /// The agent answers no health check either.
    Dead(Duration),
}

/// What the time of an answer counts from: when the request was sent, or when its body last moved.
#[derive(Debug)]
pub(super) struct Since {
    sent: Instant,
    upload: Option<Arc<Progress>>,
}

impl Since {
    pub(super) fn now(upload: Option<Arc<Progress>>) -> Self {
        Self { sent: Instant::now(), upload }
    }

    fn instant(&self) -> Instant {
        self.upload.as_ref().map_or(self.sent, |upload| upload.moved().max(self.sent))
    }

    fn end(&self, limit: Duration) -> Instant {
        self.instant() + limit.min(FAR)
    }
}

/// Asks whether the agent is alive.
pub(super) type Check = Pin<Box<dyn Future<Output = bool> + Send>>;

/// Waits for an answer.
pub(super) async fn wait<T>(
    answer: impl Future<Output = T>,
    since: &Since,
    limit: FirstByte,
    is_alive: impl Fn() -> Check,
) -> Result<T, Silence> {
    let mut answer = pin!(answer);
    match limit {
        FirstByte::Endless => Ok(answer.await),
        FirstByte::WhileAlive(limit) => while_alive(answer, since, limit, is_alive).await,
        FirstByte::Within(limit) => loop {
            match timeout_at(since.end(limit), answer.as_mut()).await {
                Ok(answer) => return Ok(answer),
                Err(_) if since.end(limit) <= Instant::now() => return Err(Silence::Over(limit)),
                // The upload went on meanwhile.
                Err(_) => {}
            }
        },
    }
}

async fn while_alive<T>(
    mut answer: Pin<&mut impl Future<Output = T>>,
    since: &Since,
    limit: Duration,
    is_alive: impl Fn() -> Check,
) -> Result<T, Silence> {
    let (mut heard, mut failed) = (since.instant(), 0);
    loop {
        if let Ok(answer) = timeout_at(heard + CHECK_EVERY, answer.as_mut()).await {
            return Ok(answer);
        }
        if since.instant() > heard {
            (heard, failed) = (since.instant(), 0);
            continue;
        }
        if since.end(limit) <= Instant::now() {
            return Err(Silence::Over(limit));
        }
        let alive = tokio::select! {
            biased;
            answer = answer.as_mut() => return Ok(answer),
            alive = is_alive() => alive,
        };
        failed = if alive { 0 } else { failed + 1 };
        if failed == FAILED_CHECKS {
            return Err(Silence::Dead(since.instant().elapsed()));
        }
        heard = Instant::now();
    }
}
