//! How slowly a caller may send a request's body.

use std::time::Duration;

/// So long a caller may send nothing. nginx and Go's own guides give a little more; a network that is silent for longer
/// has lost the connection.
const MAX_IDLE: Duration = Duration::from_secs(15);

/// Bytes that buy back a second of silence: who sends one byte every fourteen seconds holds a connection to an agent as
/// long as one who sends nothing. It is the rate that Apache asks for, and a hundredth of a modem's.
const MIN_RATE: u32 = 500;

/// The silence that a caller has left. Only what is spent waiting for the caller counts: an agent that reads slowly takes
/// nothing away.
#[derive(Debug)]
pub(super) struct IdleAllowance {
    remaining: Duration,
}

impl IdleAllowance {
    pub(super) const fn new() -> Self {
        Self { remaining: MAX_IDLE }
    }

    /// How long the next bytes may take.
    pub(super) const fn remaining(&self) -> Duration {
        self.remaining
    }

    /// Bytes came after so long.
    pub(super) fn record(&mut self, waited: Duration, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let bought = Duration::from_secs(1).saturating_mul(bytes) / MIN_RATE;
        self.remaining = self.remaining.saturating_sub(waited).saturating_add(bought).min(MAX_IDLE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn silence_is_spent_and_bought_back_up_to_a_limit() {
        let mut pace = IdleAllowance::new();
        pace.record(10 * SECOND, 0);
        assert_eq!(pace.remaining(), 5 * SECOND);
        pace.record(Duration::ZERO, 1_000);
        assert_eq!(pace.remaining(), 7 * SECOND);
        pace.record(Duration::ZERO, 1 << 20);
        assert_eq!(pace.remaining(), MAX_IDLE);
        pace.record(60 * SECOND, usize::MAX);
        assert_eq!(pace.remaining(), MAX_IDLE);
    }

    #[test]
    fn who_drips_has_no_more_time_than_who_is_silent() {
        let mut pace = IdleAllowance::new();
        let mut spent = Duration::ZERO;
        while pace.remaining() >= SECOND {
            pace.record(SECOND, 1);
            spent += SECOND;
        }
        assert_eq!(spent, MAX_IDLE);
    }
}
