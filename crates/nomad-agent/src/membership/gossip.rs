//! Gossip between servers, across any number of processes: each knows which ones are alive, failed or left.
//!
//! The protocol is that of the crate `serf`, which works like HashiCorp's serf (SWIM with suspicion, failed and
//! left members, force-leave, a keyring) but is not compatible with it: agents of this kind gossip with each other
//! only.

mod key;
mod options;

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock, PoisonError, RwLock, Weak},
    time::Duration,
};

use nomad_wire::agent;
use serf::{
    Serf,
    net::NetTransportOptions,
    tokio::{TokioNetTransport, TokioSocketAddrResolver, TokioTcp},
    types::{MaybeResolvedAddress, MemberStatus as Status, SmolStr},
};
use tokio::{sync::watch, time::sleep};
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

pub use self::{
    key::{GossipKey, KeyError},
    options::{GossipError, GossipOptions, free_address},
};
use super::{
    BoxFuture, JoinOutcome, KeyringRequest, Member, MemberStatus, Membership, MembershipError,
    Removal, ServerList,
    address::{SERF_PORT, resolve},
};

/// How often the view is refreshed. Some changes come without an event, and a refresh costs a lock and a copy.
const VIEW_INTERVAL: Duration = Duration::from_millis(50);

type TokioSerf = Serf<TokioNetTransport<SmolStr, TokioSocketAddrResolver, TokioTcp>>;

/// A membership over gossip. It has no members until it is started.
#[derive(Debug, Default)]
pub struct Gossip {
    serf: OnceLock<RunningSerf>,
    view: RwLock<GossipView>,
    changed: watch::Sender<()>,
    server_list: ServerList,
}

struct RunningSerf(TokioSerf);

#[derive(Debug, Default, PartialEq, Eq)]
struct GossipView {
    members: Vec<Member>,
    stats: Vec<(&'static str, u64)>,
}

impl Gossip {
    /// A membership that does not gossip yet, for [`AgentBuilder::membership`](crate::AgentBuilder::membership).
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Starts to gossip as this server ([`Agent::member`](crate::Agent::member)), which is the only member until
    /// another one joins. Its background work ends with [`Gossip::leave`] or [`Gossip::shutdown`].
    ///
    /// # Errors
    /// [`GossipError`].
    pub async fn start(
        self: &Arc<Self>,
        member: Member,
        options: GossipOptions,
    ) -> Result<(), GossipError> {
        let bind = options.bind;
        let failed = |reason: String| GossipError::Start { address: bind, reason: reason.into() };
        let mut transport = NetTransportOptions::new(SmolStr::new(member.serf_name()))
            .with_advertise_address(member.serf);
        transport.add_bind_address(bind);
        let pool = TokioSerf::new(transport, options::serf_options(&member, &options)?).await;
        let pool = pool.map_err(|error| failed(error.to_string()))?;
        if self.serf.set(RunningSerf(pool.clone())).is_err() {
            drop(pool.shutdown().await);
            return Err(GossipError::AlreadyStarted);
        }
        self.refresh(&pool).await;
        let watching = refresh_forever(Arc::downgrade(self), pool);
        tokio::spawn(watching.with_current_subscriber());
        Ok(())
    }

    /// Waits until `wanted` holds for the members.
    ///
    /// # Cancel safety
    /// Can be dropped at any time.
    pub async fn wait_for(&self, wanted: impl Fn(&[Member]) -> bool) {
        let mut changed = self.changed.subscribe();
        while !wanted(&self.members()) {
            // The sender lives as long as `self`.
            drop(changed.changed().await);
        }
    }

    /// Leaves, so that the other servers see it as left and not as failed, and stops.
    pub async fn leave(&self) {
        if let Some(RunningSerf(pool)) = self.serf.get() {
            if let Err(error) = pool.leave().await {
                tracing::warn!(target: "nomad", error = %error, "cannot leave the gossip");
            }
            self.shutdown().await;
        }
    }

    /// Stops without leaving; the other servers will detect the failure.
    pub async fn shutdown(&self) {
        if let Some(RunningSerf(pool)) = self.serf.get() {
            // It logs an error about the missing leave, which is intended here.
            drop(pool.shutdown().with_subscriber(NoSubscriber::default()).await);
        }
    }

    async fn refresh(&self, pool: &TokioSerf) {
        let mut members: Vec<_> = pool.members().await.iter().filter_map(to_member).collect();
        members.sort_unstable_by_key(Member::serf_name);
        let figures = serf_stats(pool).await;
        let changed = {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            let changed = view.members != members;
            *view = GossipView { members, stats: figures };
            changed
        };
        if changed {
            self.changed.send_replace(());
        }
    }

    async fn join_all(&self, pool: &TokioSerf, addresses: &[String]) -> JoinOutcome {
        let (mut contacted, mut faults) = (0, Vec::new());
        for written in addresses {
            let address = match resolve(written, SERF_PORT).await {
                Ok(address) => address,
                Err(error) => {
                    faults.push(format!("failed to resolve {written}: {error}"));
                    continue;
                }
            };
            match pool.join(MaybeResolvedAddress::resolved(address), false).await {
                Ok(_) => contacted += 1,
                Err(error) => faults.push(format!("failed to join {address}: {error}")),
            }
        }
        self.refresh(pool).await;
        for fault in &faults {
            tracing::warn!(target: "nomad", error = fault, "join failed");
        }
        JoinOutcome::new(contacted, &faults)
    }
}

/// Refreshes the view until gossip has ended or its owner is dropped.
async fn refresh_forever(gossip: Weak<Gossip>, pool: TokioSerf) {
    let ended = pool.shutdown_rx();
    loop {
        tokio::select! {
            // The channel only ever closes.
            _ = ended.recv() => return,
            () = sleep(VIEW_INTERVAL) => {}
        }
        let Some(gossip) = gossip.upgrade() else {
            drop(pool.shutdown().await);
            return;
        };
        gossip.refresh(&pool).await;
    }
}

fn to_member(member: &serf::types::Member<SmolStr, SocketAddr>) -> Option<Member> {
    let status = match member.status() {
        Status::Alive => MemberStatus::Alive,
        Status::Leaving => MemberStatus::Leaving,
        Status::Left => MemberStatus::Left,
        Status::Failed => MemberStatus::Failed,
        _ => return None,
    };
    let node = member.node();
    let tags = member.tags();
    Member::from_tags(node.id(), *node.address(), status, |key| tags.get(key).map(SmolStr::as_str))
}

/// Statistics under their names in `/v1/agent/self`.
async fn serf_stats(pool: &TokioSerf) -> Vec<(&'static str, u64)> {
    let stats = pool.stats().await;
    let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    vec![
        ("coordinate_resets", wide(stats.get_coordinate_resets().unwrap_or_default())),
        ("event_queue", wide(stats.get_event_queue())),
        ("event_time", stats.get_event_time()),
        ("health_score", wide(stats.get_health_score())),
        ("intent_queue", wide(stats.get_intent_queue())),
        ("member_time", stats.get_member_time()),
        ("query_queue", wide(stats.get_query_queue())),
        ("query_time", stats.get_query_time()),
    ]
}

impl Membership for Gossip {
    fn members(&self) -> Vec<Member> {
        self.view.read().unwrap_or_else(PoisonError::into_inner).members.clone()
    }

    fn server_list(&self) -> &ServerList {
        &self.server_list
    }

    fn join<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, JoinOutcome> {
        Box::pin(async move {
            match self.serf.get() {
                Some(RunningSerf(pool)) => self.join_all(pool, addresses).await,
                None => JoinOutcome::new(0, &[MembershipError::NotRunning.to_string()]),
            }
        })
    }

    fn force_leave<'a>(
        &'a self,
        serf_name: &'a str,
        removal: Removal,
    ) -> BoxFuture<'a, Result<(), MembershipError>> {
        Box::pin(async move {
            let Some(RunningSerf(pool)) = self.serf.get() else {
                return Err(MembershipError::NotRunning);
            };
            let id = SmolStr::new(serf_name);
            let removed = match removal {
                Removal::Leave => pool.remove_failed_node(id).await,
                Removal::Prune => pool.remove_failed_node_prune(id).await,
            };
            self.refresh(pool).await;
            removed.map_err(|error| {
                tracing::warn!(target: "nomad", error = %error, "cannot broadcast a removal");
                MembershipError::RemovalTimeout
            })
        })
    }

    fn keyring(
        &self,
        request: KeyringRequest,
    ) -> BoxFuture<'_, Result<agent::Keyring, MembershipError>> {
        Box::pin(async move {
            let Some(RunningSerf(pool)) = self.serf.get() else {
                return Err(MembershipError::NotRunning);
            };
            let alive = self.members().iter().filter(|member| member.is_alive()).count();
            key::execute(pool, request, alive).await
        })
    }

    fn is_encrypted(&self) -> bool {
        self.serf.get().is_some_and(|RunningSerf(pool)| pool.encryption_enabled())
    }

    fn gossip_stats(&self) -> Vec<(&'static str, u64)> {
        self.view.read().unwrap_or_else(PoisonError::into_inner).stats.clone()
    }
}

impl std::fmt::Debug for RunningSerf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pooled")
    }
}
