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
    Acl, Reading, RegionScope, RegionalAcl, Tokens as _, Wanted,
    tokens::{Cached, Limits, NomadTokens},
};
use nomad_forward::{NomadApi, NomadDirectory, directory::NamedRegion};
use nomad_wire::{Query, Region, SecretId};
use tower_service::Service;

use super::LookingUp;
use crate::{SystemClock, tls::FleetConnect};

type Asked = Cached<NomadTokens<InRegion, SystemClock>, SystemClock>;

/// The tokens of the own region, and those of others once somebody has asked for something there.
#[derive(Debug, Clone)]
pub(in crate::serve) struct Regions {
    own: Asked,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    api: NomadApi<FleetConnect>,
    directory: NomadDirectory<FleetConnect>,
    limits: Limits,
    clock: SystemClock,
    /// One for each region that gossip tells of and that somebody asks for: a handful.
    others: RwLock<HashMap<Region, Asked>>,
}

impl Regions {
    pub(super) fn new(
        api: NomadApi<FleetConnect>,
        directory: NomadDirectory<FleetConnect>,
        limits: Limits,
    ) -> Self {
        let (clock, others) = (SystemClock::start(), RwLock::default());
        let shared = Shared { api, directory, limits, clock, others };
        Self { own: shared.asked(None), shared: Arc::new(shared) }
    }

    /// How often the answer was remembered in the own region, and how often it had to be waited for.
    pub(super) fn hits_and_misses(&self) -> (u64, u64) {
        self.own.hits_and_misses()
    }

    /// Invented names of regions cost the servers nothing: where there is no such region the rights are those of the own
    /// one, and they open nothing but the error that says so. Where nobody can tell, whoever answers decides.
    pub(super) fn resolve(&self, token: Option<&SecretId>, wanted: Wanted<'_>) -> LookingUp {
        match (self.shared.directory.named_region(wanted.region), wanted.region) {
            (NamedRegion::Other, Some(region)) => {
                LookingUp::Asked(self.shared.other(region).resolve_for(token, wanted))
            }
            (NamedRegion::Unseen, Some(region)) => {
                let there = RegionScope::Other(region.clone());
                LookingUp::Known(ready(Ok(RegionalAcl::of(there, Acl::deferred()))))
            }
            (NamedRegion::Own | NamedRegion::Nowhere, _) | (_, None) => {
                LookingUp::Asked(self.own.resolve_for(token, wanted))
            }
        }
    }
}

impl Shared {
    fn asked(&self, region: Option<Region>) -> Asked {
        let scope = region.clone().map_or(RegionScope::Own, RegionScope::Other);
        let service = InRegion { api: self.api.clone(), region };
        let asked = NomadTokens::new(service, self.clock).on_unread(tell);
        Cached::new(asked, self.clock, self.limits.clone()).of_region(scope)
    }

    fn other(&self, region: &Region) -> Asked {
        let known = self.others.read().unwrap_or_else(PoisonError::into_inner).get(region).cloned();
        known.unwrap_or_else(|| {
            let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
            let asked = || self.asked(Some(region.clone()));
            others.entry(region.clone()).or_insert_with(asked).clone()
        })
    }
}

/// A policy whose text cannot be read must not go unseen.
fn tell(policy: &str, reading: &Reading) {
    match reading {
        Reading::Text => {}
        Reading::RulesJson(error) => tracing::warn!(
            policy,
            error = error as &dyn std::error::Error,
            "a policy cannot be read; the server's reading of it counts"
        ),
        Reading::Nothing(error) => tracing::warn!(
            policy,
            error = error as &dyn std::error::Error,
            "a policy cannot be read and grants nothing here"
        ),
    }
}

/// Puts questions to the servers of a region.
#[derive(Debug, Clone)]
pub(super) struct InRegion {
    api: NomadApi<FleetConnect>,
    region: Option<Region>,
}

impl Service<Request<Bytes>> for InRegion {
    type Response = Response<Bytes>;
    type Error = <NomadApi<FleetConnect> as Service<Request<Bytes>>>::Error;
    type Future = <NomadApi<FleetConnect> as Service<Request<Bytes>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.api.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Bytes>) -> Self::Future {
        if let Some(uri) = self.region.as_ref().and_then(|region| of(request.uri(), region)) {
            *request.uri_mut() = uri;
        }
        self.api.call(request)
    }
}

/// The same question in a region; names are encoded, so that a URI comes of it.
fn of(uri: &Uri, region: &Region) -> Option<Uri> {
    let query = Query::of(uri).with("region", region.as_str());
    format!("{}?{query}", uri.path()).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_stands_in_the_question() {
        let uri = Uri::from_static("/v1/acl/token/self?stale");
        assert_eq!(of(&uri, &"mars".into()).unwrap(), "/v1/acl/token/self?stale&region=mars");
        assert_eq!(of(&uri, &"a b&c".into()).unwrap().query(), Some("stale&region=a%20b%26c"));
    }
}
