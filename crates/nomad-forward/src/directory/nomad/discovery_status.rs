//! Whether the cluster tells the gateway what it needs to know, and what it says when not.

use std::sync::atomic::{AtomicU8, Ordering};

use super::api_request::{ApiOutcome, LookupTokens};
use crate::directory::DiscoveryStatus;

/// What came of the last question in the gateway's own name.
#[derive(Debug)]
pub(super) struct LastDiscoveryStatus(AtomicU8);

impl Default for LastDiscoveryStatus {
    fn default() -> Self {
        Self(AtomicU8::new(0))
    }
}

/// Each with its place in the atomic.
const ALL_STATUSES: [DiscoveryStatus; 4] = [
    DiscoveryStatus::NoResponse,
    DiscoveryStatus::Complete,
    DiscoveryStatus::TokenRefused,
    DiscoveryStatus::NoToken,
];

impl LastDiscoveryStatus {
    pub(super) fn get(&self) -> DiscoveryStatus {
        let place = usize::from(self.0.load(Ordering::Relaxed));
        ALL_STATUSES.get(place).copied().unwrap_or(DiscoveryStatus::NoResponse)
    }

    /// Notes what the servers said to the question for their members. A refusal is told once, and so is its end.
    pub(super) fn record<T>(&self, verdict: &ApiOutcome<T>, has_token: bool) {
        let now = match verdict {
            ApiOutcome::Found(_) => DiscoveryStatus::Complete,
            ApiOutcome::Denied | ApiOutcome::NotFound | ApiOutcome::NoRegion if has_token => {
                DiscoveryStatus::TokenRefused
            }
            ApiOutcome::Denied | ApiOutcome::NotFound | ApiOutcome::NoRegion => {
                DiscoveryStatus::NoToken
            }
            // It was told once that they answer; that they do not now, others tell of.
            ApiOutcome::NoResponse => return,
        };
        let before = self.get();
        let place = ALL_STATUSES.iter().position(|sight| *sight == now).unwrap_or_default();
        self.0.store(u8::try_from(place).unwrap_or_default(), Ordering::Relaxed);
        match (before, now) {
            (DiscoveryStatus::TokenRefused, DiscoveryStatus::TokenRefused)
            | (DiscoveryStatus::NoToken, DiscoveryStatus::NoToken) => {}
            (_, DiscoveryStatus::TokenRefused) => tracing::error!("{}", now.reason()),
            (_, DiscoveryStatus::NoToken) => tracing::warn!("{}", now.reason()),
            (DiscoveryStatus::TokenRefused, DiscoveryStatus::Complete) => {
                tracing::warn!("the servers take the gateway's own token again");
            }
            (_, DiscoveryStatus::Complete | DiscoveryStatus::NoResponse) => {}
        }
    }

    /// The names to ask in: an own token that is refused only costs a question.
    pub(super) fn usable_tokens(&self, mut who: LookupTokens) -> LookupTokens {
        if self.get() == DiscoveryStatus::TokenRefused {
            who.gateway = None;
        }
        who
    }
}
