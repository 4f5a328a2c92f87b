//! The background task that keeps the directory up to date.

use std::{sync::Arc, sync::PoisonError, sync::atomic::Ordering, time::Duration};

use futures_util::future::{join, join_all};
use nomad_wire::{Region, agent};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Shared, UNWATCHED_TTL,
    api_request::{ApiOutcome, ApiRequest, LookupTokens},
    body,
    node_index::NodeIndex,
    resolver::RESOLVE_INTERVAL,
    servers::{Member, Servers},
};
use crate::connect::Connect;

/// How often servers and leader are asked for. A new leader is known within this time.
const POLL_INTERVAL: Duration = Duration::from_secs(3);

/// At least so long between two rounds, however many callers find servers gone.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// How long the list of nodes is waited for to change.
const LIST_WAIT: &str = "60s";

/// At least so long between two lists: a fleet that starts changes all the time, and a list of ten thousand nodes is
/// ten megabytes.
const MIN_LIST_INTERVAL: Duration = Duration::from_secs(1);

/// A server without a verified address is looked for again after this time.
const VERIFY_INTERVAL: Duration = Duration::from_secs(30);

/// After a list that failed, and when the list may not be read.
const LIST_RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Keeps a [`NomadDirectory`](super::NomadDirectory) fresh.
#[derive(Debug)]
#[must_use = "a directory that is not watched never learns of servers"]
pub struct Watcher<C: Connect> {
    shared: Arc<Shared<C>>,
    index: u64,
    verified_at: Option<Instant>,
    resolved_at: Instant,
}

impl<C: Connect> std::fmt::Debug for Shared<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<C: Connect> Watcher<C> {
    pub(super) fn new(shared: Arc<Shared<C>>) -> Self {
        Self { shared, index: 0, verified_at: None, resolved_at: Instant::now() }
    }

    /// Asks everything once, so that the first caller need not wait for it. An unreachable cluster is no error: it is
    /// asked again by [`run`](Self::run).
    pub async fn initial_refresh(&mut self) {
        let (shared, mut index) = (Arc::clone(&self.shared), 0);
        join(self.refresh_servers(), shared.poll_nodes(&mut index, None)).await;
        self.index = index;
    }

    /// Runs until it is dropped.
    ///
    /// # Cancel safety
    /// It can be dropped at any time; what was found out stays.
    pub async fn run(mut self) {
        let (shared, index) = (Arc::clone(&self.shared), self.index);
        join(self.watch_servers(), shared.watch_nodes(index)).await;
    }

    async fn watch_servers(&mut self) {
        loop {
            let hurry = async {
                sleep(MIN_POLL_INTERVAL).await;
                self.shared.servers_changed.notified().await;
            };
            drop(timeout(POLL_INTERVAL, hurry).await);
            self.refresh_servers().await;
        }
    }

    async fn refresh_servers(&mut self) {
        let is_due = self.resolved_at.elapsed() >= RESOLVE_INTERVAL;
        if is_due {
            self.resolved_at = Instant::now();
        }
        let has_moved = self.shared.resolve_hosts(is_due).await;
        let before = self.shared.servers();
        let again = has_moved || self.verified_at.is_none_or(|at| at.elapsed() >= VERIFY_INTERVAL);
        let (now, has_verified) = self.shared.poll_servers(&before, again).await;
        if has_verified {
            self.verified_at = Some(Instant::now());
        }
        self.shared.replace_servers(now);
    }
}

impl<C: Connect> Shared<C> {
    /// These are the servers from now on.
    pub(super) fn replace_servers(&self, mut now: Servers) {
        let mut current = self.servers.write().unwrap_or_else(PoisonError::into_inner);
        now.keep_client_lookup(&current, UNWATCHED_TTL);
        let own = now.in_region(&now.region).filter_map(|member| member.agent.clone());
        let mut asked: Vec<_> = own.collect();
        if asked.is_empty() {
            asked.clone_from(&now.seeds);
        }
        self.api.set_servers(asked);
        *current = Arc::new(now);
    }

    /// Asks for members and leader once. Says whether addresses were looked for.
    async fn poll_servers(&self, before: &Servers, again: bool) -> (Servers, bool) {
        let who = LookupTokens { gateway: self.options.token.clone(), client: None };
        let mut now = Servers {
            region: before.region.clone(),
            members: before.members.clone(),
            client_lookup_at: before.client_lookup_at,
            leader_rpc: None,
            seeds: self.seeds(),
            are_seeds_servers: before.are_seeds_servers,
            seeds_checked_at: before.seeds_checked_at,
        };
        let mut has_verified = false;
        let question = ApiRequest::new("/v1/agent/members", None);
        let seen = question.fetch_with::<agent::Members, _>(&self.api, &who).await;
        self.discovery_status.record(&seen, who.gateway.is_some());
        match seen {
            ApiOutcome::Found(seen) => {
                has_verified = self.apply_members(&mut now, &seen, again, &who).await
            }
            ApiOutcome::Denied | ApiOutcome::NotFound | ApiOutcome::NoRegion => {
                (now.members, now.client_lookup_at) = (None, None);
                if again {
                    (now.seeds, now.are_seeds_servers) = self.check_seeds().await;
                    now.seeds_checked_at = Some(Instant::now());
                    has_verified = true;
                }
            }
            // Nobody answers: what was known is the best that there is.
            ApiOutcome::NoResponse => {}
        }
        if let ApiOutcome::Found(rpc) =
            ApiRequest::new("/v1/status/leader", None).fetch(&self.api).await
        {
            now.leader_rpc = Some(rpc);
        }
        (now, has_verified)
    }

    /// Notes the members that a server tells of. Says whether addresses were looked for.
    pub(super) async fn apply_members(
        &self,
        now: &mut Servers,
        seen: &agent::Members,
        again: bool,
        who: &LookupTokens,
    ) -> bool {
        if self.options.region.is_none() {
            now.region = Region::new(&seen.server_region);
        }
        let (members, looked) = self.verify_members(seen, now, again, who).await;
        (now.members, now.client_lookup_at) = (Some(members), None);
        looked
    }

    /// The live servers, with the addresses that are verified.
    async fn verify_members(
        &self,
        seen: &agent::Members,
        before: &Servers,
        again: bool,
        who: &LookupTokens,
    ) -> (Vec<Member>, bool) {
        let mut members: Vec<Member> =
            seen.members.iter().filter_map(Member::from_gossip).collect();
        let mut unseen = Vec::new();
        for member in &mut members {
            let known = before.members.iter().flatten().find(|known| known.is_same(member));
            let agent = known.and_then(|known| known.agent.as_ref());
            member.agent = agent.map(Arc::clone);
            let is_lost = agent.is_some_and(|agent| self.api.health().is_unreachable(agent));
            if known.is_none() || (again && (agent.is_none() || is_lost)) {
                unseen.push(member);
            }
        }
        let looked = !unseen.is_empty();
        let catalog = if looked { self.look_up_catalog(who).await } else { Vec::new() };
        let catalog = &catalog;
        // Side by side, for each may take as long as a connection that is never made.
        join_all(unseen.into_iter().map(|member| async {
            // Nobody can be verified who is gone for a moment: what was known of it is kept.
            member.agent = self.verify(member, catalog, who).await.or_else(|| member.agent.take());
            if member.agent.is_none() {
                let server = &*member.name;
                tracing::info!(server, "its HTTP address is not known; calls to it are relayed");
            }
        }))
        .await;
        (members, looked)
    }

    async fn watch_nodes(&self, mut index: u64) {
        loop {
            let pause = match self.poll_nodes(&mut index, Some(LIST_WAIT)).await {
                true => MIN_LIST_INTERVAL,
                false => LIST_RETRY_INTERVAL,
            };
            sleep(pause).await;
        }
    }

    /// Asks for the list of nodes, and waits for it to change when it is known. False when there is no list.
    async fn poll_nodes(&self, index: &mut u64, wait: Option<&str>) -> bool {
        let path = match wait {
            Some(wait) if *index > 0 => format!("/v1/nodes?index={index}&wait={wait}"),
            _ => "/v1/nodes".to_owned(),
        };
        let question = ApiRequest::new(&path, self.options.token.as_ref());
        let answer = match question.fetch_raw(&self.api).await {
            ApiOutcome::Found(answer) => answer,
            ApiOutcome::NoResponse => return false,
            ApiOutcome::Denied | ApiOutcome::NotFound | ApiOutcome::NoRegion => {
                self.is_watched.store(false, Ordering::Relaxed);
                return false;
            }
        };
        let header = answer.headers().get("x-nomad-index").and_then(|value| value.to_str().ok());
        let seen = header.and_then(|value| value.parse().ok()).unwrap_or(0);
        // A cluster that was restored counts from anew.
        let is_older = seen < *index;
        *index = if is_older { 0 } else { seen };
        let Ok(stubs) = serde_json::from_slice::<Vec<body::NodeStub<'_>>>(answer.body()) else {
            tracing::warn!("the list of nodes cannot be read");
            return false;
        };
        self.apply_nodes(&stubs, is_older);
        true
    }

    /// Takes over a list: what is known of a node that changed is forgotten.
    fn apply_nodes(&self, stubs: &[body::NodeStub<'_>], forget_all: bool) {
        let nodes = NodeIndex::from_list(stubs);
        let own = self.servers().region.clone();
        self.cache.nodes.retain(|key, known| match nodes.find(&key.id) {
            Some(node) if key.region == own => {
                !forget_all && node.version.modified <= known.version.modified
            }
            // Nodes of other regions are in no list; they are asked for again after a while.
            _ => key.region != own && known.fetched_at.elapsed() < UNWATCHED_TTL,
        });
        *self.nodes.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(nodes);
        self.is_watched.store(true, Ordering::Relaxed);
    }
}
