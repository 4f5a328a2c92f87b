//! Who may do what in front of a real cluster.

mod region;

use std::{
    future::Ready,
    pin::Pin,
    task::{Context, Poll},
};

use nomad_acl::{
    AclDeferred, AclDisabled, RegionalAcl, Tokens, TokensError, Wanted,
    tokens::{Limits, Resolving},
};
use nomad_forward::{NomadApi, NomadDirectory};
use nomad_wire::SecretId;

use self::region::Regions;
use super::{AclMode, AclSettings};
use crate::{telemetry::Metrics, tls::FleetConnect};

/// Who may do what in front of a real cluster.
#[derive(Debug, Clone)]
pub(super) enum ClusterTokens {
    /// Everybody may do everything.
    Disabled,
    /// The agents decide.
    Deferred,
    /// The cluster is asked what a token may do.
    Asked(Regions),
}

impl ClusterTokens {
    pub(super) fn new(
        settings: &AclSettings,
        api: NomadApi<FleetConnect>,
        directory: NomadDirectory<FleetConnect>,
    ) -> Self {
        match (settings.enabled, settings.mode) {
            (false, _) => Self::Disabled,
            (true, AclMode::Defer) => Self::Deferred,
            (true, AclMode::Enforce) => {
                let limits = Limits { fresh: settings.token_ttl, ..Limits::default() };
                Self::Asked(Regions::new(api, directory, limits))
            }
        }
    }

    /// Shows how often an answer was remembered.
    pub(super) fn show(&self, metrics: &Metrics) {
        let Self::Asked(asked) = self else { return };
        let (hits, misses) = (asked.clone(), asked.clone());
        let text = "Questions about tokens whose answer was remembered";
        metrics.show_counter("token_cache_hits", text, move || hits.hits_and_misses().0);
        let text = "Questions about tokens whose answer had to be waited for";
        metrics.show_counter("token_cache_misses", text, move || misses.hits_and_misses().1);
    }
}

/// The look-up of a [`ClusterTokens`].
#[derive(Debug)]
pub(super) enum LookingUp {
    Known(Ready<Result<RegionalAcl, TokensError>>),
    Asked(Resolving),
}

impl Future for LookingUp {
    type Output = Result<RegionalAcl, TokensError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Known(known) => Pin::new(known).poll(cx),
            Self::Asked(asked) => Pin::new(asked).poll(cx),
        }
    }
}

impl Tokens for ClusterTokens {
    type Future = LookingUp;

    fn resolve_for(&self, token: Option<&SecretId>, wanted: Wanted<'_>) -> Self::Future {
        match self {
            Self::Disabled => LookingUp::Known(AclDisabled.resolve(token)),
            Self::Deferred => LookingUp::Known(AclDeferred.resolve(token)),
            Self::Asked(asked) => asked.resolve(token, wanted),
        }
    }
}
