//! How long and how much.

use std::time::Duration;

use crate::{Freshness, tokens::LookUpError};

/// How long answers hold, and how many are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain record of settings, each with a default")]
pub struct Limits {
    /// How long an answer is fresh. 30 s, Nomad's own `token_ttl`: what was taken away from a token, or the token
    /// itself, counts for so long at most, while servers answer. Counted from the oldest part of the answer.
    pub fresh: Duration,
    /// The same where nobody decides after this ([`Freshness::Recent`]). 2 s: such calls are few, and what was taken
    /// away must be gone.
    pub recent: Duration,
    /// How long beyond that an answer may stand in while no server answers. 5 min: an election or a
    /// rolling restart passes within it, and an outage does not keep revoked tokens alive for long.
    pub stale: Duration,
    /// How long a refusal holds. 5 s: a new token works soon, and guessing costs the servers little.
    pub refused: Duration,
    /// How long an old answer rests before the servers are asked again, and how long a refusal holds that no leader
    /// confirmed. 1 s, so that an outage does not make every request wait for it.
    pub retry: Duration,
    /// How many tokens are remembered: 100,000, at about 150 bytes each beside their policies.
    pub tokens: usize,
    /// How many refusals are remembered: 10,000. More invented tokens than that push out each other.
    pub refusals: usize,
    /// How many tokens may be looked up at once: 1,024. Beyond that callers are told to come again;
    /// without a bound, invented tokens would turn into as many calls to the servers.
    pub flights: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(30),
            recent: Duration::from_secs(2),
            stale: Duration::from_secs(300),
            refused: Duration::from_secs(5),
            retry: Duration::from_secs(1),
            tokens: 100_000,
            refusals: 10_000,
            flights: 1_024,
        }
    }
}

impl Limits {
    /// How old an answer may be.
    pub(super) fn window(&self, freshness: Freshness) -> Duration {
        match freshness {
            Freshness::Usual => self.fresh,
            Freshness::Recent => self.recent.min(self.fresh),
        }
    }

    /// How old a part of an answer may be that is remembered elsewhere. Half, so that the answer itself can be
    /// remembered for the other half.
    pub(super) fn part(&self, freshness: Freshness) -> Duration {
        self.window(freshness) / 2
    }

    /// How long a refusal holds.
    pub(super) fn refusal(&self, error: &LookUpError) -> Duration {
        match error {
            LookUpError::NotFound | LookUpError::Expired => self.refused,
            LookUpError::Unconfirmed | LookUpError::Unavailable(_) => self.retry,
        }
    }
}
