//! Is the agent at this address the server that we take it for?
//!
//! The HTTP port of a server is published nowhere, so that it is guessed, and then asked.

use std::sync::Arc;

use futures_util::future::join_all;
use nomad_wire::{ServerId, agent};

use super::{
    Host, Shared,
    catalog::{self, Found},
    question::{Question, Verdict, Who},
    servers::Member,
};
use crate::{Agent, Endpoint, Transport, connect::Connect};

/// An unhealthy server answers 500, so that the text is read whatever the status.
const NO_SERVER: &str = "server not enabled";

impl<C: Connect> Shared<C> {
    /// The server's agent: from the configuration, from the catalog, or at the address where servers usually listen.
    pub(super) async fn verified(
        &self,
        member: &Member,
        catalog: &Found,
        who: &Who,
    ) -> Option<Arc<Agent>> {
        let id = member.id?;
        let fixed = self
            .options
            .servers
            .iter()
            .find(|(name, ..)| **name == *member.name || **name == *member.bare());
        if let Some((_, address, transport)) = fixed {
            return named(member, id, self.now(*address), *transport);
        }
        let listed = catalog::address_of(catalog, &member.name);
        if let Some(address) = listed.filter(|address| !self.options.is_own(*address)) {
            return named(member, id, address, self.options.transport);
        }
        for seed in &self.seeds() {
            if self.is_at(seed, member, who).await {
                return named(member, id, seed.endpoint().clone(), seed.transport());
            }
        }
        let transport = self.options.transport;
        let host = Host::new(&member.host, self.options.http_port);
        let guess = *self.options.names.look_up(&host).await.ok()?.first()?;
        if self.options.is_own(guess) {
            return None;
        }
        let candidate = Arc::new(Agent::seed(member.region.clone(), guess).over(transport));
        if self.is_at(&candidate, member, who).await {
            named(member, id, guess, transport)
        } else {
            None
        }
    }

    /// Whether the agent is a server and has the member's name. A client agent would give the name of a server too:
    /// of the one that it asks.
    async fn is_at(&self, agent: &Arc<Agent>, member: &Member, who: &Who) -> bool {
        let question = Question::new("/v1/agent/members", None);
        let Verdict::Is(seen) = question.ask_one::<agent::Members, _>(&self.api, agent, who).await
        else {
            return false;
        };
        let name = format!("{}.{}", seen.server_name, seen.server_region);
        *name == *member.name && self.is_server(agent).await
    }

    /// Whether an agent runs a server; false when it does not say.
    pub(super) async fn is_server(&self, agent: &Arc<Agent>) -> bool {
        self.role(agent).await == Role::Server
    }

    /// What an agent says that it runs.
    async fn role(&self, agent: &Arc<Agent>) -> Role {
        let question = Question::new("/v1/agent/health?type=server", None);
        let Some(request) = question.request() else { return Role::Other };
        let Ok(answer) = self.api.ask(agent, request).await else { return Role::Silent };
        let health = serde_json::from_slice::<agent::Health>(answer.body());
        let server = health.ok().and_then(|health| health.server);
        match server {
            Some(server) if server.ok || server.message != NO_SERVER => Role::Server,
            Some(_) | None => Role::Other,
        }
    }

    /// The seeds that are servers, or may be; all of them when none is.
    pub(super) async fn sorted_seeds(&self) -> (Vec<Arc<Agent>>, bool) {
        let seeds = self.seeds();
        let roles = join_all(seeds.iter().map(|seed| self.role(seed))).await;
        let may_serve = |(seed, role): (&Arc<Agent>, Role)| {
            // Who says nothing answers no call in place of a server either.
            (role != Role::Other).then(|| Arc::clone(seed))
        };
        let servers: Vec<_> = seeds.iter().zip(roles).filter_map(may_serve).collect();
        if servers.is_empty() { (seeds, false) } else { (servers, true) }
    }
}

/// What an agent runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Server,
    /// No server, or it does not say.
    Other,
    /// It does not answer.
    Silent,
}

fn named(
    member: &Member,
    id: ServerId,
    endpoint: impl Into<Endpoint>,
    transport: Transport,
) -> Option<Arc<Agent>> {
    let agent = Agent::server(member.bare(), id, member.region.clone(), endpoint).ok()?;
    Some(Arc::new(agent.over(transport)))
}
