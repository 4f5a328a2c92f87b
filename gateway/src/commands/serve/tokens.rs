//! Who may do what in front of a real cluster.

mod region_tokens;

use std::{
    future::Ready,
    pin::Pin,
    task::{Context, Poll},
};

use nomad_acl::{
    AclDeferred, AclDisabled, LookupOptions, RegionalAcl, Tokens, TokensError,
    tokens::{ResolveFuture, TokenCacheLimits},
};
use nomad_forward::{NomadApi, NomadDirectory};
use nomad_wire::SecretId;

use self::region_tokens::RegionTokens;
use super::{AclMode, AclSettings};
use crate::{server::tls::MaybeTlsConnect, telemetry::Metrics};

/// Who may do what in front of a real cluster.
#[derive(Debug, Clone)]
pub(super) enum ClusterTokens {
    /// Everybody may do everything.
    Disabled,
    /// The agents decide.
    Deferred,
    /// The cluster is asked what a token may do.
    Enforced(RegionTokens),
}

impl ClusterTokens {
    pub(super) fn new(
        settings: &AclSettings,
        api: NomadApi<MaybeTlsConnect>,
        directory: NomadDirectory<MaybeTlsConnect>,
    ) -> Self {
        match (settings.enabled, settings.mode) {
            (false, _) => Self::Disabled,
            (true, AclMode::Defer) => Self::Deferred,
            (true, AclMode::Enforce) => {
                let limits =
                    TokenCacheLimits { ttl: settings.token_ttl, ..TokenCacheLimits::default() };
                Self::Enforced(RegionTokens::new(api, directory, limits))
            }
        }
    }

    /// Shows how often an answer was remembered.
    pub(super) fn register_metrics(&self, metrics: &Metrics) {
        let Self::Enforced(asked) = self else { return };
        let (hits, misses) = (asked.clone(), asked.clone());
        let text = "Questions about tokens whose answer was remembered";
        metrics.register_counter("token_cache_hits", text, move || hits.hits_and_misses().0);
        let text = "Questions about tokens whose answer had to be waited for";
        metrics.register_counter("token_cache_misses", text, move || misses.hits_and_misses().1);
    }
}

/// The look-up of a [`ClusterTokens`].
#[derive(Debug)]
pub(super) enum TokenFuture {
    Ready(Ready<Result<RegionalAcl, TokensError>>),
    Lookup(ResolveFuture),
}

impl Future for TokenFuture {
    type Output = Result<RegionalAcl, TokensError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Ready(known) => Pin::new(known).poll(cx),
            Self::Lookup(asked) => Pin::new(asked).poll(cx),
        }
    }
}

impl Tokens for ClusterTokens {
    type Future = TokenFuture;

    fn resolve_with(&self, token: Option<&SecretId>, wanted: LookupOptions<'_>) -> Self::Future {
        match self {
            Self::Disabled => TokenFuture::Ready(AclDisabled.resolve(token)),
            Self::Deferred => TokenFuture::Ready(AclDeferred.resolve(token)),
            Self::Enforced(asked) => asked.resolve(token, wanted),
        }
    }
}
