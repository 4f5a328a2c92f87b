//! The background task: what changes is asked for before anybody needs it.

use std::{sync::Arc, sync::PoisonError, sync::atomic::Ordering, time::Duration};

use futures_util::future::{join, join_all};
use nomad_wire::{Region, agent};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Shared, UNWATCHED_FOR, body,
    index::NodeIndex,
    names::NAMES_AGAIN,
    question::{Question, Verdict, Who},
    servers::{Member, Servers},
};
use crate::connect::Connect;

/// How often servers and leader are asked for. A new leader is known within this time.
const EVERY: Duration = Duration::from_secs(3);

/// At least so long between two rounds, however many callers find servers gone.
const HURRY: Duration = Duration::from_millis(250);

/// How long the list of nodes is waited for to change.
const WAIT: &str = "60s";

/// At least so long between two lists: a fleet that starts changes all the time, and a list of ten thousand nodes is
/// ten megabytes.
const BETWEEN_LISTS: Duration = Duration::from_secs(1);

/// A server without a verified address is looked for again after this time.
const VERIFY_AGAIN: Duration = Duration::from_secs(30);

/// After a list that failed, and when the list may not be read.
const LIST_AGAIN: Duration = Duration::from_secs(5);

/// Keeps a [`NomadDirectory`](super::NomadDirectory) fresh.
#[derive(Debug)]
#[must_use = "a directory that is not watched never learns of servers"]
pub struct Watch<C: Connect> {
    shared: Arc<Shared<C>>,
    index: u64,
    verified_at: Option<Instant>,
    names_at: Instant,
}

impl<C: Connect> std::fmt::Debug for Shared<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<C: Connect> Watch<C> {
    pub(super) fn new(shared: Arc<Shared<C>>) -> Self {
        Self { shared, index: 0, verified_at: None, names_at: Instant::now() }
    }

    /// Asks everything once, so that the first caller need not wait for it. An unreachable cluster is no error: it is
    /// asked again by [`run`](Self::run).
    pub async fn first_look(&mut self) {
        let (shared, mut index) = (Arc::clone(&self.shared), 0);
        join(self.servers(), shared.list(&mut index, None)).await;
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
                sleep(HURRY).await;
                self.shared.hurry.notified().await;
            };
            drop(timeout(EVERY, hurry).await);
            self.servers().await;
        }
    }

    async fn servers(&mut self) {
        let is_due = self.names_at.elapsed() >= NAMES_AGAIN;
        if is_due {
            self.names_at = Instant::now();
        }
        let has_moved = self.shared.look_names_up(is_due).await;
        let before = self.shared.servers();
        let again = has_moved || self.verified_at.is_none_or(|at| at.elapsed() >= VERIFY_AGAIN);
        let (now, has_verified) = self.shared.round(&before, again).await;
        if has_verified {
            self.verified_at = Some(Instant::now());
        }
        self.shared.take_over(now);
    }
}

impl<C: Connect> Shared<C> {
    /// These are the servers from now on.
    pub(super) fn take_over(&self, mut now: Servers) {
        let mut current = self.servers.write().unwrap_or_else(PoisonError::into_inner);
        now.keep_borrowed(&current, UNWATCHED_FOR);
        let own = now.in_region(&now.region).filter_map(|member| member.agent.clone());
        let mut asked: Vec<_> = own.collect();
        if asked.is_empty() {
            asked.clone_from(&now.seeds);
        }
        self.api.set_servers(asked);
        *current = Arc::new(now);
    }

    /// Asks for members and leader once. Says whether addresses were looked for.
    async fn round(&self, before: &Servers, again: bool) -> (Servers, bool) {
        let who = Who { own: self.options.token.clone(), caller: None };
        let mut now = Servers {
            region: before.region.clone(),
            members: before.members.clone(),
            borrowed: before.borrowed,
            leader_rpc: None,
            seeds: self.seeds(),
            are_seeds_servers: before.are_seeds_servers,
            sorted: before.sorted,
        };
        let mut has_verified = false;
        let question = Question::new("/v1/agent/members", None);
        let seen = question.ask_as::<agent::Members, _>(&self.api, &who).await;
        self.sight.told(&seen, who.own.is_some());
        match seen {
            Verdict::Is(seen) => has_verified = self.see(&mut now, &seen, again, &who).await,
            Verdict::Refused | Verdict::Missing | Verdict::NoRegion => {
                (now.members, now.borrowed) = (None, None);
                if again {
                    (now.seeds, now.are_seeds_servers) = self.sorted_seeds().await;
                    now.sorted = Some(Instant::now());
                    has_verified = true;
                }
            }
            // Nobody answers: what was known is the best that there is.
            Verdict::Silent => {}
        }
        if let Verdict::Is(rpc) = Question::new("/v1/status/leader", None).ask(&self.api).await {
            now.leader_rpc = Some(rpc);
        }
        (now, has_verified)
    }

    /// Notes the members that a server tells of. Says whether addresses were looked for.
    pub(super) async fn see(
        &self,
        now: &mut Servers,
        seen: &agent::Members,
        again: bool,
        who: &Who,
    ) -> bool {
        if self.options.region.is_none() {
            now.region = Region::new(&seen.server_region);
        }
        let (members, looked) = self.members(seen, now, again, who).await;
        (now.members, now.borrowed) = (Some(members), None);
        looked
    }

    /// The live servers, with the addresses that are verified.
    async fn members(
        &self,
        seen: &agent::Members,
        before: &Servers,
        again: bool,
        who: &Who,
    ) -> (Vec<Member>, bool) {
        let mut members: Vec<Member> = seen.members.iter().filter_map(Member::of).collect();
        let mut unseen = Vec::new();
        for member in &mut members {
            let known = before.members.iter().flatten().find(|known| known.is_same(member));
            let agent = known.and_then(|known| known.agent.as_ref());
            member.agent = agent.map(Arc::clone);
            let is_lost = agent.is_some_and(|agent| self.api.reach().is_lost(agent));
            if known.is_none() || (again && (agent.is_none() || is_lost)) {
                unseen.push(member);
            }
        }
        let looked = !unseen.is_empty();
        let catalog = if looked { self.catalogued(who).await } else { Vec::new() };
        let catalog = &catalog;
        // Side by side, for each may take as long as a connection that is never made.
        join_all(unseen.into_iter().map(|member| async {
            // Nobody can be verified who is gone for a moment: what was known of it is kept.
            member.agent =
                self.verified(member, catalog, who).await.or_else(|| member.agent.take());
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
            let pause = match self.list(&mut index, Some(WAIT)).await {
                true => BETWEEN_LISTS,
                false => LIST_AGAIN,
            };
            sleep(pause).await;
        }
    }

    /// Asks for the list of nodes, and waits for it to change when it is known. False when there is no list.
    async fn list(&self, index: &mut u64, wait: Option<&str>) -> bool {
        let path = match wait {
            Some(wait) if *index > 0 => format!("/v1/nodes?index={index}&wait={wait}"),
            _ => "/v1/nodes".to_owned(),
        };
        let question = Question::new(&path, self.options.token.as_ref());
        let answer = match question.ask_raw(&self.api).await {
            Verdict::Is(answer) => answer,
            Verdict::Silent => return false,
            Verdict::Refused | Verdict::Missing | Verdict::NoRegion => {
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
        self.learn(&stubs, is_older);
        true
    }

    /// Takes over a list: what is known of a node that changed is forgotten.
    fn learn(&self, stubs: &[body::NodeStub<'_>], forget_all: bool) {
        let nodes = NodeIndex::of(stubs);
        let own = self.servers().region.clone();
        self.memory.nodes.retain(|key, known| match nodes.find(&key.id) {
            Some(node) if key.region == own => {
                !forget_all && node.age.modified <= known.age.modified
            }
            // Nodes of other regions are in no list; they are asked for again after a while.
            _ => key.region != own && known.since.elapsed() < UNWATCHED_FOR,
        });
        *self.nodes.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(nodes);
        self.is_watched.store(true, Ordering::Relaxed);
    }
}
