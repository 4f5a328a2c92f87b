//! How long and how much.

use std::time::Duration;

/// How long answers hold, and how many are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain record of settings, each with a default")]
pub struct Limits {
    /// How long an answer is fresh. 30 s, Nomad's own `token_ttl`: a revoked token works at most so
    /// long, while servers answer.
    pub fresh: Duration,
    /// How long beyond that an answer may stand in while no server answers. 5 min: an election or a
    /// rolling restart passes within it, and an outage does not keep revoked tokens alive for long.
    pub stale: Duration,
    /// How long a refusal holds. 5 s: a new token works soon, and guessing costs the servers little.
    pub refused: Duration,
    /// How long an old answer rests before the servers are asked again. 1 s, so that an outage does
    /// not make every request wait for it.
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
            stale: Duration::from_mins(5),
            refused: Duration::from_secs(5),
            retry: Duration::from_secs(1),
            tokens: 100_000,
            refusals: 10_000,
            flights: 1_024,
        }
    }
}
