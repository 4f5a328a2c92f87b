//! Addresses that were written as names: looked up again after a while, and when nobody is there any more.

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
const ANSWER: Duration = Duration::from_secs(2);

/// Names are looked up again after this time; those of agents that are gone with every round.
pub(super) const NAMES_AGAIN: Duration = Duration::from_secs(30);

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
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Whoever turns names into addresses.
pub trait Names: fmt::Debug + Send + Sync {
    /// The addresses of a host, the preferred one first.
    fn look_up(&self, host: &Host) -> Resolving;
}

/// The system's own name service.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to say about it")]
pub struct SystemNames;

impl Names for SystemNames {
    fn look_up(&self, host: &Host) -> Resolving {
        let (name, port) = (host.name.clone(), host.port);
        Box::pin(async move { Ok(tokio::net::lookup_host((&*name, port)).await?.collect()) })
    }
}

impl<C: Connect> Shared<C> {
    /// Where an agent is now that was at this address when the gateway started.
    pub(super) fn now(&self, written: SocketAddr) -> SocketAddr {
        let moved = self.moved.read().unwrap_or_else(PoisonError::into_inner);
        moved.get(&written).copied().unwrap_or(written)
    }

    /// The servers that it began with, where they are now.
    pub(super) fn seeds(&self) -> Vec<Arc<Agent>> {
        self.seeds.iter().map(|seed| self.moved(seed)).collect()
    }

    fn moved(&self, agent: &Arc<Agent>) -> Arc<Agent> {
        let written = agent.endpoint().socket_addr();
        match written.map(|written| (written, self.now(written))) {
            Some((written, now)) if now != written => Arc::new(Agent::clone(agent).at(now)),
            _ => Arc::clone(agent),
        }
    }
}

impl<C: Connect> Shared<C> {
    /// Looks up what was written as a name: all of it when it is due, else what could not be reached. Says whether
    /// something is somewhere else now.
    pub(super) async fn look_names_up(&self, is_due: bool) -> bool {
        let mut has_moved = false;
        for (written, host) in &self.options.hosts {
            let now = self.now(*written);
            let is_lost = self.api.reach().is_lost_at(&now.into());
            if !is_due && !is_lost {
                continue;
            }
            let Ok(Ok(found)) = timeout(ANSWER, self.options.names.look_up(host)).await else {
                tracing::debug!(host = host.name(), "the name service says nothing");
                continue;
            };
            // Of several addresses the one in use is as good as another, as long as somebody is there.
            if found.contains(&now) && !is_lost {
                continue;
            }
            let answers = |address: &&SocketAddr| !self.api.reach().is_lost_at(&(**address).into());
            if let Some(next) = found.iter().find(answers).or_else(|| found.first()) {
                has_moved |= *next != now;
                self.move_to(*written, *next);
            }
        }
        has_moved
    }

    fn move_to(&self, written: SocketAddr, next: SocketAddr) {
        if self.now(written) == next {
            return;
        }
        if self.options.is_own(next) {
            tracing::warn!(%written, now = %next, "the name of an agent leads to the gateway itself");
            return;
        }
        tracing::info!(%written, now = %next, "an agent is found at another address");
        let before = self.now(written);
        self.moved.write().unwrap_or_else(PoisonError::into_inner).insert(written, next);
        let moved = |server: &Arc<Agent>| match *server.endpoint() == before.into() {
            true => Arc::new(Agent::clone(server).at(next)),
            false => Arc::clone(server),
        };
        self.api.set_servers(self.api.servers().iter().map(moved).collect());
        for agent in self.options.nodes.iter().filter(|agent| *agent.endpoint() == written.into()) {
            self.memory.fix(&self.moved(agent));
        }
    }
}
