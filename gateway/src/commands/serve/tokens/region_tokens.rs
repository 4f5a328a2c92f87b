//! What a token may do in each region.
//!
//! A token may be local to its region, and so may be policies. Each region's servers are asked through those of the own
//! one, which pass the question on, and each has a memory of its own. An answer holds in its region and in no other.

use std::{
    collections::HashMap,
    future::ready,
    sync::{Arc, PoisonError, RwLock},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use nomad_acl::{
    Acl, LookupOptions, PolicySource, RegionScope, RegionalAcl, Tokens as _,
    tokens::{NomadTokenLookup, TokenCache, TokenCacheLimits},
};
use nomad_forward::{NomadApi, NomadDirectory, directory::RegionStatus};
use nomad_wire::{Query, Region, SecretId};
use tower_service::Service;

use super::TokenFuture;
use crate::{SystemClock, server::tls::MaybeTlsConnect};

type RegionTokenCache = TokenCache<NomadTokenLookup<RegionalApi, SystemClock>, SystemClock>;

/// The tokens of the own region, and those of others once somebody has asked for something there.
#[derive(Debug, Clone)]
pub(in crate::commands::serve) struct RegionTokens {
    own_region: RegionTokenCache,
    shared: Arc<RegionTokensInner>,
}

#[derive(Debug)]
struct RegionTokensInner {
    api: NomadApi<MaybeTlsConnect>,
    directory: NomadDirectory<MaybeTlsConnect>,
    limits: TokenCacheLimits,
    clock: SystemClock,
    /// One for each region that gossip tells of and that somebody asks for: a handful.
    other_regions: RwLock<HashMap<Region, RegionTokenCache>>,
}

impl RegionTokens {
    pub(super) fn new(
        api: NomadApi<MaybeTlsConnect>,
        directory: NomadDirectory<MaybeTlsConnect>,
        limits: TokenCacheLimits,
    ) -> Self {
        let (clock, others) = (SystemClock::start(), RwLock::default());
        let shared = RegionTokensInner { api, directory, limits, clock, other_regions: others };
        Self { own_region: shared.new_cache(None), shared: Arc::new(shared) }
    }

    /// How often the answer was remembered in the own region, and how often it had to be waited for.
    pub(super) fn hits_and_misses(&self) -> (u64, u64) {
        self.own_region.hits_and_misses()
    }

    /// Invented names of regions cost the servers nothing: where there is no such region the rights are those of the own
    /// one, and they open nothing but the error that says so. Where nobody can tell, whoever answers decides.
    pub(super) fn resolve(
        &self,
        token: Option<&SecretId>,
        wanted: LookupOptions<'_>,
    ) -> TokenFuture {
        match (self.shared.directory.region_status(wanted.region), wanted.region) {
            (RegionStatus::Other, Some(region)) => {
                TokenFuture::Lookup(self.shared.other_region(region).resolve_with(token, wanted))
            }
            (RegionStatus::Unknown, Some(region)) => {
                let there = RegionScope::Other(region.clone());
                TokenFuture::Ready(ready(Ok(RegionalAcl::new(there, Acl::deferred()))))
            }
            (RegionStatus::Own | RegionStatus::NotFound, _) | (_, None) => {
                TokenFuture::Lookup(self.own_region.resolve_with(token, wanted))
            }
        }
    }
}

impl RegionTokensInner {
    fn new_cache(&self, region: Option<Region>) -> RegionTokenCache {
        let scope = region.clone().map_or(RegionScope::Own, RegionScope::Other);
        let service = RegionalApi { api: self.api.clone(), region };
        let asked =
            NomadTokenLookup::new(service, self.clock).on_unreadable_policy(log_unreadable_policy);
        TokenCache::new(asked, self.clock, self.limits.clone()).with_region(scope)
    }

    fn other_region(&self, region: &Region) -> RegionTokenCache {
        let known =
            self.other_regions.read().unwrap_or_else(PoisonError::into_inner).get(region).cloned();
        known.unwrap_or_else(|| {
            let mut others = self.other_regions.write().unwrap_or_else(PoisonError::into_inner);
            let asked = || self.new_cache(Some(region.clone()));
            others.entry(region.clone()).or_insert_with(asked).clone()
        })
    }
}

/// A policy whose text cannot be read must not go unseen.
fn log_unreadable_policy(policy: &str, reading: &PolicySource) {
    match reading {
        PolicySource::Text => {}
        PolicySource::RulesJson(error) => tracing::warn!(
            policy,
            error = error as &dyn std::error::Error,
            "a policy cannot be read; the server's reading of it counts"
        ),
        PolicySource::Unreadable(error) => tracing::warn!(
            policy,
            error = error as &dyn std::error::Error,
            "a policy cannot be read and grants nothing here"
        ),
    }
}

/// Puts questions to the servers of a region.
#[derive(Debug, Clone)]
pub(super) struct RegionalApi {
    api: NomadApi<MaybeTlsConnect>,
    region: Option<Region>,
}

impl Service<Request<Bytes>> for RegionalApi {
    type Response = Response<Bytes>;
    type Error = <NomadApi<MaybeTlsConnect> as Service<Request<Bytes>>>::Error;
    type Future = <NomadApi<MaybeTlsConnect> as Service<Request<Bytes>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.api.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Bytes>) -> Self::Future {
        if let Some(uri) =
            self.region.as_ref().and_then(|region| with_region(request.uri(), region))
        {
            *request.uri_mut() = uri;
        }
        self.api.call(request)
    }
}

/// The same question in a region; names are encoded, so that a URI comes of it.
fn with_region(uri: &Uri, region: &Region) -> Option<Uri> {
    let query = Query::from_uri(uri).with_param("region", region.as_str());
    format!("{}?{query}", uri.path()).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_in_the_query() {
        let uri = Uri::from_static("/v1/acl/token/self?stale");
        assert_eq!(
            with_region(&uri, &"mars".into()).unwrap(),
            "/v1/acl/token/self?stale&region=mars"
        );
        assert_eq!(
            with_region(&uri, &"a b&c".into()).unwrap().query(),
            Some("stale&region=a%20b%26c")
        );
    }
}
