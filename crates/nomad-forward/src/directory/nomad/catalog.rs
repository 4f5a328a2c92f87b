//! Servers' HTTP addresses from Consul's catalog, where Nomad's agents register themselves.
//!
//! A server registers the service `nomad` with the tag `http` at its advertised HTTP address. The entry says nothing of
//! the server's name, so that each address is asked who is there, as any guessed one.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderName, Request, StatusCode, Uri};
use nomad_wire::{Region, SecretId, agent};
use serde::Deserialize;

use super::{
    Host, Shared,
    api_request::{ApiOutcome, ApiRequest, LookupTokens},
};
use crate::{Agent, connect::Connect};

/// So many entries are looked at: more servers than any region has, and no more work when a stranger fills the catalog.
const MAX_ENTRIES: usize = 64;

const X_CONSUL_TOKEN: HeaderName = HeaderName::from_static("x-consul-token");

/// A Consul agent that knows where Nomad's servers are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Consul {
    /// Where its HTTP API listens.
    pub address: SocketAddr,
    /// What it is asked with: `service:read` on the service, `node:read`.
    pub token: Option<SecretId>,
    /// The service as which servers register: `nomad`.
    pub service: Box<str>,
}

impl Consul {
    /// The Consul agent at this address, asked without a token for the service `nomad`.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, token: None, service: "nomad".into() }
    }
}

/// An entry of `GET /v1/catalog/service/:service`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CatalogEntry {
    #[serde(default)]
    address: String,
    /// Empty when it is the node's.
    #[serde(default)]
    service_address: String,
    service_port: u16,
}

/// The servers that the catalog tells of: their full names, and where they were found.
pub(super) type CatalogEntries = Vec<(Box<str>, SocketAddr)>;

impl<C: Connect> Shared<C> {
    /// Looks into the catalog, if there is one, and asks who is at each address of it.
    pub(super) async fn look_up_catalog(&self, who: &LookupTokens) -> CatalogEntries {
        let Some(consul) = &self.options.consul else { return Vec::new() };
        let Some(entries) = self.fetch_entries(consul).await else {
            tracing::info!(consul = %consul.address, "the catalog says nothing of Nomad's servers");
            return Vec::new();
        };
        let asked = entries.iter().take(MAX_ENTRIES).map(|entry| self.verify_entry(entry, who));
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn fetch_entries(&self, consul: &Consul) -> Option<Vec<CatalogEntry>> {
        let uri = format!("/v1/catalog/service/{}?tag=http", consul.service);
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = uri.parse::<Uri>().ok()?;
        if let Some(token) = consul.token.as_ref().and_then(SecretId::header_value) {
            request.headers_mut().insert(X_CONSUL_TOKEN, token);
        }
        let agent = Arc::new(Agent::seed(Region::default(), self.current_address(consul.address)));
        let answer = self.api.send_to(&agent, request).await.ok()?;
        (answer.status() == StatusCode::OK).then(|| serde_json::from_slice(answer.body()).ok())?
    }

    /// The name of the server at an address; `None` when there is none.
    async fn verify_entry(
        &self,
        entry: &CatalogEntry,
        who: &LookupTokens,
    ) -> Option<(Box<str>, SocketAddr)> {
        let named = [&entry.service_address, &entry.address].into_iter();
        let name = named.into_iter().find(|name| !name.is_empty())?;
        let host = Host::new(name, entry.service_port);
        let address = *self.options.resolver.resolve(&host).await.ok()?.first()?;
        let agent = Agent::seed(Region::default(), address).with_transport(self.options.transport);
        let agent = Arc::new(agent);
        let question = ApiRequest::new("/v1/agent/members", None);
        let ApiOutcome::Found(seen) =
            question.fetch_from::<agent::Members, _>(&self.api, &agent, who).await
        else {
            return None;
        };
        let name = format!("{}.{}", seen.server_name, seen.server_region);
        // A client agent gives the name of the server that it asks.
        self.is_server(&agent).await.then(|| (name.into(), address))
    }
}

/// Where the catalog says that a server is.
pub(super) fn find_address(found: &CatalogEntries, name: &str) -> Option<SocketAddr> {
    found.iter().find(|(known, _)| **known == *name).map(|(_, address)| *address)
}
