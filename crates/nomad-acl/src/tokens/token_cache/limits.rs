//! Sizes and lifetimes of the token cache.

use std::time::Duration;

use crate::{Freshness, tokens::TokenLookupError};

/// How long answers hold, and how many are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a plain record of settings, each with a default")]
pub struct TokenCacheLimits {
    /// How long an answer is fresh. 30 s, Nomad's own `token_ttl`: what was taken away from a token, or the token
    /// itself, counts for so long at most, while servers answer. Counted from the oldest part of the answer.
    pub ttl: Duration,
    /// The same where nobody decides after this ([`Freshness::Recent`]). 2 s: such calls are few, and what was taken
    /// away must be gone.
    pub recent_ttl: Duration,
    /// How long beyond that an answer may stand in while no server answers. 5 min: an election or a
    /// rolling restart passes within it, and an outage does not keep revoked tokens alive for long.
    pub stale_if_error: Duration,
    /// How long a refusal holds. 5 s: a new token works soon, and guessing costs the servers little.
    pub negative_ttl: Duration,
    /// How long an old answer rests before the servers are asked again, and how long a refusal holds that no leader
    /// confirmed. 1 s, so that an outage does not make every request wait for it.
    pub retry_interval: Duration,
    /// How many tokens are remembered: 100,000, at about 150 bytes each beside their policies.
    pub max_tokens: usize,
    /// How many refusals are remembered: 10,000. More invented tokens than that push out each other.
    pub max_refusals: usize,
    /// How many tokens may be looked up at once: 1,024. Beyond that callers are told to come again;
    /// without a bound, invented tokens would turn into as many calls to the servers.
    pub max_lookups: usize,
}

impl Default for TokenCacheLimits {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(30),
            recent_ttl: Duration::from_secs(2),
            stale_if_error: Duration::from_secs(300),
            negative_ttl: Duration::from_secs(5),
            retry_interval: Duration::from_secs(1),
            max_tokens: 100_000,
            max_refusals: 10_000,
            max_lookups: 1_024,
        }
    }
}

impl TokenCacheLimits {
    /// How old an answer may be.
    pub(super) fn max_age(&self, freshness: Freshness) -> Duration {
        match freshness {
            Freshness::Usual => self.ttl,
            Freshness::Recent => self.recent_ttl.min(self.ttl),
        }
    }

    /// How old a part of an answer may be that is remembered elsewhere. Half, so that the answer itself can be
    /// remembered for the other half.
    pub(super) fn max_policy_age(&self, freshness: Freshness) -> Duration {
        self.max_age(freshness) / 2
    }

    /// How long a refusal holds.
    pub(super) fn refusal_ttl(&self, error: &TokenLookupError) -> Duration {
        match error {
            TokenLookupError::NotFound | TokenLookupError::Expired => self.negative_ttl,
            TokenLookupError::Unconfirmed | TokenLookupError::Unavailable(_) => self.retry_interval,
        }
    }
}
