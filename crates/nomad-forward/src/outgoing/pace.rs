//! How slowly a caller may send a request's body.

use std::time::Duration;

/// So long a caller may send nothing. nginx and Go's own guides give a little more; a network that is silent for longer
/// has lost the connection.
const SILENCE: Duration = Duration::from_secs(15);

/// Bytes that buy back a second of silence: who sends one byte every fourteen seconds holds a connection to an agent as
/// long as one who sends nothing. It is the rate that Apache asks for, and a hundredth of a modem's.
const RATE: u32 = 500;

/// The silence that a caller has left. Only what is spent waiting for the caller counts: an agent that reads slowly takes
/// nothing away.
#[derive(Debug)]
pub(super) struct Pace {
    left: Duration,
}

impl Pace {
    pub(super) const fn new() -> Self {
        Self { left: SILENCE }
    }

    /// How long the next bytes may take.
    pub(super) const fn left(&self) -> Duration {
        self.left
    }

    /// Bytes came after so long.
    pub(super) fn moved(&mut self, waited: Duration, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let bought = Duration::from_secs(1).saturating_mul(bytes) / RATE;
        self.left = self.left.saturating_sub(waited).saturating_add(bought).min(SILENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn silence_is_spent_and_bought_back_up_to_a_limit() {
        let mut pace = Pace::new();
        pace.moved(10 * SECOND, 0);
        assert_eq!(pace.left(), 5 * SECOND);
        pace.moved(Duration::ZERO, 1_000);
        assert_eq!(pace.left(), 7 * SECOND);
        pace.moved(Duration::ZERO, 1 << 20);
        assert_eq!(pace.left(), SILENCE);
        pace.moved(60 * SECOND, usize::MAX);
        assert_eq!(pace.left(), SILENCE);
    }

    #[test]
    fn who_drips_has_no_more_time_than_who_is_silent() {
        let mut pace = Pace::new();
        let mut spent = Duration::ZERO;
        while pace.left() >= SECOND {
            pace.moved(SECOND, 1);
            spent += SECOND;
        }
        assert_eq!(spent, SILENCE);
    }
}
