//! Servers that only the client's token may list.
//!
//! Where the gateway's own token does not tell of the members, because there is none or because it is refused, the caller's
//! is asked with. What it tells holds for a while, for everybody: who may ask for what is decided elsewhere.

use std::{sync::Arc, time::Duration};

use nomad_wire::agent;
use tokio::time::Instant;

use super::{
    Shared,
    api_request::{ApiOutcome, ApiRequest, LookupTokens},
    servers::Servers,
};
use crate::connect::Connect;

/// The seeds are asked again after this time what they run.
const SEED_CHECK_INTERVAL: Duration = Duration::from_secs(1);

impl<C: Connect> Shared<C> {
    /// The servers, as far as the gateway or this caller may know them.
    pub(super) async fn servers_for(&self, who: &LookupTokens) -> Arc<Servers> {
        let before = self.servers();
        if before.members.is_some() {
            return before;
        }
        let question = ApiRequest::new("/v1/agent/members", None);
        let mut now = Servers::clone(&before);
        match question.fetch_with::<agent::Members, _>(&self.api, who).await {
            ApiOutcome::Found(seen) => {
                // One finds out where they are; the others wait for it.
                let _turn = self.client_lookup.lock().await;
                let current = self.servers();
                if current.members.is_some() {
                    return current;
                }
                self.apply_members(&mut now, &seen, true, who).await;
                now.client_lookup_at = Some(Instant::now());
            }
            ApiOutcome::Denied
            | ApiOutcome::NotFound
            | ApiOutcome::NoRegion
            | ApiOutcome::NoResponse => {
                if before.seeds_checked_at.is_some_and(|at| at.elapsed() < SEED_CHECK_INTERVAL) {
                    return before;
                }
                (now.seeds, now.are_seeds_servers) = self.check_seeds().await;
                now.seeds_checked_at = Some(Instant::now());
            }
        }
        self.replace_servers(now);
        self.servers()
    }
}
