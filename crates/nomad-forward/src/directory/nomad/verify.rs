//! Verifies that an address belongs to the server it is taken for.
//!
//! The HTTP port of a server is published nowhere, so that it is guessed, and then asked.

use std::sync::Arc;

use futures_util::future::join_all;
use nomad_wire::{ServerId, agent};

use super::{
    Host, Shared,
    api_request::{ApiOutcome, ApiRequest, LookupTokens},
    catalog::{self, CatalogEntries},
    servers::Member,
};
use crate::{Agent, Endpoint, Transport, connect::Connect};

/// An unhealthy server answers 500, so that the text is read whatever the status.
const SERVER_NOT_ENABLED: &str = "server not enabled";

impl<C: Connect> Shared<C> {
    /// The server's agent: from the configuration, from the catalog, or at the address where servers usually listen.
    pub(super) async fn verify(
        &self,
        member: &Member,
        catalog: &CatalogEntries,
        who: &LookupTokens,
    ) -> Option<Arc<Agent>> {
        let id = member.id?;
        let fixed = self
            .options
            .servers
            .iter()
            .find(|(name, ..)| **name == *member.name || **name == *member.bare_name());
        if let Some((_, address, transport)) = fixed {
            return server_agent(member, id, self.current_address(*address), *transport);
        }
        let listed = catalog::find_address(catalog, &member.name);
        if let Some(address) = listed.filter(|address| !self.options.is_own_address(*address)) {
            return server_agent(member, id, address, self.options.transport);
        }
        for seed in &self.seeds() {
            if self.is_member_at(seed, member, who).await {
                return server_agent(member, id, seed.endpoint().clone(), seed.transport());
            }
        }
        let transport = self.options.transport;
        let host = Host::new(&member.host, self.options.http_port);
        let guess = *self.options.resolver.resolve(&host).await.ok()?.first()?;
        if self.options.is_own_address(guess) {
            return None;
        }
        let candidate =
            Arc::new(Agent::seed(member.region.clone(), guess).with_transport(transport));
        if self.is_member_at(&candidate, member, who).await {
            server_agent(member, id, guess, transport)
        } else {
            None
        }
    }

    /// Whether the agent is a server and has the member's name. A client agent would give the name of a server too:
    /// of the one that it asks.
    async fn is_member_at(&self, agent: &Arc<Agent>, member: &Member, who: &LookupTokens) -> bool {
        let question = ApiRequest::new("/v1/agent/members", None);
        let ApiOutcome::Found(seen) =
            question.fetch_from::<agent::Members, _>(&self.api, agent, who).await
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
        let question = ApiRequest::new("/v1/agent/health?type=server", None);
        let Some(request) = question.request() else { return Role::Other };
        let Ok(answer) = self.api.send_to(agent, request).await else { return Role::NoResponse };
        let health = serde_json::from_slice::<agent::Health>(answer.body());
        let server = health.ok().and_then(|health| health.server);
        match server {
            Some(server) if server.ok || server.message != SERVER_NOT_ENABLED => Role::Server,
            Some(_) | None => Role::Other,
        }
    }

    /// The seeds that are servers, or may be; all of them when none is.
    pub(super) async fn check_seeds(&self) -> (Vec<Arc<Agent>>, bool) {
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
    NoResponse,
}

fn server_agent(
    member: &Member,
    id: ServerId,
    endpoint: impl Into<Endpoint>,
    transport: Transport,
) -> Option<Arc<Agent>> {
    let agent = Agent::server(member.bare_name(), id, member.region.clone(), endpoint).ok()?;
    Some(Arc::new(agent.with_transport(transport)))
}
