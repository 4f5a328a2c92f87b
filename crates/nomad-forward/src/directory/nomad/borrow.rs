//! Servers that only a caller may know of.
//!
//! Where the gateway's own token does not tell of the members, because there is none or because it is refused, the caller's
//! is asked with. What it tells holds for a while, for everybody: who may ask for what is decided elsewhere.

use std::{sync::Arc, time::Duration};

use nomad_wire::agent;
use tokio::time::Instant;

use super::{
    Shared,
    question::{Question, Verdict, Who},
    servers::Servers,
};
use crate::connect::Connect;

/// The seeds are asked again after this time what they run.
const SORT_AGAIN: Duration = Duration::from_secs(1);

impl<C: Connect> Shared<C> {
    /// The servers, as far as the gateway or this caller may know them.
    pub(super) async fn servers_for(&self, who: &Who) -> Arc<Servers> {
        let before = self.servers();
        if before.members.is_some() {
            return before;
        }
        let question = Question::new("/v1/agent/members", None);
        let mut now = Servers::clone(&before);
        match question.ask_as::<agent::Members, _>(&self.api, who).await {
            Verdict::Is(seen) => {
                // One finds out where they are; the others wait for it.
                let _turn = self.borrowing.lock().await;
                let current = self.servers();
                if current.members.is_some() {
                    return current;
                }
                self.see(&mut now, &seen, true, who).await;
                now.borrowed = Some(Instant::now());
            }
            Verdict::Refused | Verdict::Missing | Verdict::NoRegion | Verdict::Silent => {
                if before.sorted.is_some_and(|at| at.elapsed() < SORT_AGAIN) {
                    return before;
                }
                (now.seeds, now.are_seeds_servers) = self.sorted_seeds().await;
                now.sorted = Some(Instant::now());
            }
        }
        self.take_over(now);
        self.servers()
    }
}
