//! Waits for a response head, within the timeout of its class.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use nomad_wire::call::FirstByte;
use tokio::time::{Instant, timeout_at};

use crate::layers::upstream_body::Progress;

/// An agent that is silent for so long is asked whether it is alive, and again every time after. Longer than a caller may
/// be silent, so that no agent is asked because of a caller.
const CHECK_INTERVAL: Duration = Duration::from_secs(20);

/// So many health checks one after the other must fail before a call is given up: one can be lost with a machine that is
/// paused for a while.
const MAX_FAILED_CHECKS: u32 = 2;

/// As far in the future as a clock goes, in effect.
const MAX_TIMEOUT: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// Why an answer is waited for no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitError {
    /// Its time is over.
    Timeout(Duration),
    /// The agent answers no health check either.
    HealthCheckFailed(Duration),
}

/// What the time of an answer counts from: when the request was sent, or when its body last moved.
#[derive(Debug)]
pub(super) struct WaitStart {
    sent: Instant,
    upload: Option<Arc<Progress>>,
}

impl WaitStart {
    pub(super) fn new(upload: Option<Arc<Progress>>) -> Self {
        Self { sent: Instant::now(), upload }
    }

    fn last_activity(&self) -> Instant {
        self.upload.as_ref().map_or(self.sent, |upload| upload.last_moved().max(self.sent))
    }

    fn deadline(&self, limit: Duration) -> Instant {
        self.last_activity() + limit.min(MAX_TIMEOUT)
    }
}

/// Asks whether the agent is alive.
pub(super) type HealthCheck = Pin<Box<dyn Future<Output = bool> + Send>>;

/// Waits for an answer.
pub(super) async fn wait_for_response<T>(
    answer: impl Future<Output = T>,
    since: &WaitStart,
    limit: FirstByte,
    is_alive: impl Fn() -> HealthCheck,
) -> Result<T, WaitError> {
    let mut answer = pin!(answer);
    match limit {
        FirstByte::Endless => Ok(answer.await),
        FirstByte::WhileAlive(limit) => while_alive(answer, since, limit, is_alive).await,
        FirstByte::After(limit) => loop {
            match timeout_at(since.deadline(limit), answer.as_mut()).await {
                Ok(answer) => return Ok(answer),
                Err(_) if since.deadline(limit) <= Instant::now() => {
                    return Err(WaitError::Timeout(limit));
                }
                // The upload went on meanwhile.
                Err(_) => {}
            }
        },
    }
}

async fn while_alive<T>(
    mut answer: Pin<&mut impl Future<Output = T>>,
    since: &WaitStart,
    limit: Duration,
    is_alive: impl Fn() -> HealthCheck,
) -> Result<T, WaitError> {
    let (mut heard, mut failed) = (since.last_activity(), 0);
    loop {
        if let Ok(answer) = timeout_at(heard + CHECK_INTERVAL, answer.as_mut()).await {
            return Ok(answer);
        }
        if since.last_activity() > heard {
            (heard, failed) = (since.last_activity(), 0);
            continue;
        }
        if since.deadline(limit) <= Instant::now() {
            return Err(WaitError::Timeout(limit));
        }
        let alive = tokio::select! {
            biased;
            answer = answer.as_mut() => return Ok(answer),
            alive = is_alive() => alive,
        };
        failed = if alive { 0 } else { failed + 1 };
        if failed == MAX_FAILED_CHECKS {
            return Err(WaitError::HealthCheckFailed(since.last_activity().elapsed()));
        }
        heard = Instant::now();
    }
}
