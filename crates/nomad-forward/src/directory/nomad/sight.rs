//! Whether the cluster tells the gateway what it needs to know, and what it says when not.

use std::sync::atomic::{AtomicU8, Ordering};

use super::question::{Verdict, Who};
use crate::directory::Sight;

/// What came of the last question in the gateway's own name.
#[derive(Debug)]
pub(super) struct LastSight(AtomicU8);

impl Default for LastSight {
    fn default() -> Self {
        Self(AtomicU8::new(0))
    }
}

/// Each with its place in the atomic.
const ALL: [Sight; 4] = [Sight::NoAnswer, Sight::Whole, Sight::TokenRefused, Sight::NoToken];

impl LastSight {
    pub(super) fn get(&self) -> Sight {
        let place = usize::from(self.0.load(Ordering::Relaxed));
        ALL.get(place).copied().unwrap_or(Sight::NoAnswer)
    }

    /// Notes what the servers said to the question for their members. A refusal is told once, and so is its end.
    pub(super) fn told<T>(&self, verdict: &Verdict<T>, has_token: bool) {
        let now = match verdict {
            Verdict::Is(_) => Sight::Whole,
            Verdict::Refused | Verdict::Missing | Verdict::NoRegion if has_token => {
                Sight::TokenRefused
            }
            Verdict::Refused | Verdict::Missing | Verdict::NoRegion => Sight::NoToken,
            // It was told once that they answer; that they do not now, others tell of.
            Verdict::Silent => return,
        };
        let before = self.get();
        let place = ALL.iter().position(|sight| *sight == now).unwrap_or_default();
        self.0.store(u8::try_from(place).unwrap_or_default(), Ordering::Relaxed);
        match (before, now) {
            (Sight::TokenRefused, Sight::TokenRefused) | (Sight::NoToken, Sight::NoToken) => {}
            (_, Sight::TokenRefused) => tracing::error!("{}", now.why()),
            (_, Sight::NoToken) => tracing::warn!("{}", now.why()),
            (Sight::TokenRefused, Sight::Whole) => {
                tracing::warn!("the servers take the gateway's own token again");
            }
            (_, Sight::Whole | Sight::NoAnswer) => {}
        }
    }

    /// The names to ask in: an own token that is refused only costs a question.
    pub(super) fn asking(&self, mut who: Who) -> Who {
        if self.get() == Sight::TokenRefused {
            who.own = None;
        }
        who
    }
}
