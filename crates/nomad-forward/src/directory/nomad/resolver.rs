//! Host names that are resolved again after a while, and when nothing listens at the address.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::time::timeout;

use super::Shared;
use crate::{Agent, connect::Connect};

/// For so long an answer of the name service is waited for: the rest of the watch waits with it.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Names are looked up again after this time; those of agents that are gone with every round.
pub(super) const RESOLVE_INTERVAL: Duration = Duration::from_secs(30);

/// A host and a port, as they are written in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    name: Box<str>,
    port: u16,
}

impl Host {
    /// This host, a name or an address, and this port.
    #[must_use]
    pub fn new(name: &str, port: u16) -> Self {
        Self { name: name.into(), port }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

/// What a name service answers, in the future.
pub type AddressesFuture = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Whoever turns names into addresses.
pub trait Resolver: fmt::Debug + Send + Sync {
    /// The addresses of a host, the preferred one first.
    fn resolve(&self, host: &Host) -> AddressesFuture;
}

/// The system's own name service.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to say about it")]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: &Host) -> AddressesFuture {
        let (name, port) = (host.name.clone(), host.port);
        Box::pin(async move { Ok(tokio::net::lookup_host((&*name, port)).await?.collect()) })
    }
}

impl<C: Connect> Shared<C> {
    /// Where an agent is now that was at this address when the gateway started.
    pub(super) fn current_address(&self, written: SocketAddr) -> SocketAddr {
        let moved = self.current_addresses.read().unwrap_or_else(PoisonError::into_inner);
        moved.get(&written).copied().unwrap_or(written)
    }

    /// The servers that it began with, where they are now.
    pub(super) fn seeds(&self) -> Vec<Arc<Agent>> {
        self.seeds.iter().map(|seed| self.with_current_address(seed)).collect()
    }

    fn with_current_address(&self, agent: &Arc<Agent>) -> Arc<Agent> {
        let written = agent.endpoint().socket_addr();
        match written.map(|written| (written, self.current_address(written))) {
            Some((written, now)) if now != written => {
                Arc::new(Agent::clone(agent).with_endpoint(now))
            }
            _ => Arc::clone(agent),
        }
    }
}

impl<C: Connect> Shared<C> {
    /// Looks up what was written as a name: all of it when it is due, else what could not be reached. Says whether
    /// something is somewhere else now.
    pub(super) async fn resolve_hosts(&self, is_due: bool) -> bool {
        let mut has_moved = false;
        for (written, host) in &self.options.hosts {
            let now = self.current_address(*written);
            let is_lost = self.api.health().is_unreachable_at(&now.into());
            if !is_due && !is_lost {
                continue;
            }
            let Ok(Ok(found)) = timeout(RESOLVE_TIMEOUT, self.options.resolver.resolve(host)).await
            else {
                tracing::debug!(host = host.name(), "the name service says nothing");
                continue;
            };
            // Of several addresses the one in use is as good as another, as long as somebody is there.
            if found.contains(&now) && !is_lost {
                continue;
            }
            let answers =
                |address: &&SocketAddr| !self.api.health().is_unreachable_at(&(**address).into());
            if let Some(next) = found.iter().find(answers).or_else(|| found.first()) {
                has_moved |= *next != now;
                self.set_address(*written, *next);
            }
        }
        has_moved
    }

    fn set_address(&self, written: SocketAddr, next: SocketAddr) {
        if self.current_address(written) == next {
            return;
        }
        if self.options.is_own_address(next) {
            tracing::warn!(%written, now = %next, "the name of an agent leads to the gateway itself");
            return;
        }
        tracing::info!(%written, now = %next, "an agent is found at another address");
        let before = self.current_address(written);
        self.current_addresses
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(written, next);
        let moved = |server: &Arc<Agent>| match *server.endpoint() == before.into() {
            true => Arc::new(Agent::clone(server).with_endpoint(next)),
            false => Arc::clone(server),
        };
        self.api.set_servers(self.api.servers().iter().map(moved).collect());
        for agent in self.options.nodes.iter().filter(|agent| *agent.endpoint() == written.into()) {
            self.cache.insert_configured(&self.with_current_address(agent));
        }
    }
}
