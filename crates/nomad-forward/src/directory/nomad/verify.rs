//! Is the agent at this address the server that we take it for?
//!
//! The HTTP port of a server is published nowhere, so that it is guessed, and then asked.

use std::sync::Arc;

use nomad_wire::{ServerId, agent};

use super::{
    Host, Shared,
    catalog::{self, Found},
    question::{Question, Verdict},
    servers::Member,
};
use crate::{Agent, Endpoint, Transport, connect::Connect};

/// An unhealthy server answers 500, so that the text is read whatever the status.
const NO_SERVER: &str = "server not enabled";

impl<C: Connect> Shared<C> {
    /// The server's agent: from the configuration, from the catalog, or at the address where servers usually listen.
    pub(super) async fn verified(&self, member: &Member, catalog: &Found) -> Option<Arc<Agent>> {
        let id = member.id?;
        let fixed = self
            .options
            .servers
            .iter()
            .find(|(name, ..)| **name == *member.name || **name == *member.bare());
        if let Some((_, address, transport)) = fixed {
            return named(member, id, self.now(*address), *transport);
        }
        if let Some(address) = catalog::address_of(catalog, &member.name) {
            return named(member, id, address, self.options.transport);
        }
        for seed in &self.seeds() {
            if self.is_at(seed, member).await {
                return named(member, id, seed.endpoint().clone(), seed.transport());
            }
        }
        let transport = self.options.transport;
        let host = Host::new(&member.host, self.options.http_port);
        let guess = *self.options.names.look_up(&host).await.ok()?.first()?;
        let candidate = Arc::new(Agent::seed(member.region.clone(), guess).over(transport));
        if self.is_at(&candidate, member).await {
            named(member, id, guess, transport)
        } else {
            None
        }
    }

    /// Whether the agent is a server and has the member's name. A client agent would give the name of a server too:
    /// of the one that it asks.
    async fn is_at(&self, agent: &Arc<Agent>, member: &Member) -> bool {
        let token = self.options.token.as_ref();
        let question = Question::new("/v1/agent/members", token);
        let Verdict::Is(seen) = question.ask_one::<agent::Members, _>(&self.api, agent).await
        else {
            return false;
        };
        let name = format!("{}.{}", seen.server_name, seen.server_region);
        *name == *member.name && self.is_server(agent).await
    }

    /// Whether an agent runs a server; false when it does not say.
    pub(super) async fn is_server(&self, agent: &Arc<Agent>) -> bool {
        let question = Question::new("/v1/agent/health?type=server", None);
        let Some(request) = question.request() else { return false };
        let Ok(answer) = self.api.ask(agent, request).await else { return false };
        let health = serde_json::from_slice::<agent::Health>(answer.body());
        let server = health.ok().and_then(|health| health.server);
        server.is_some_and(|server| server.ok || server.message != NO_SERVER)
    }
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
