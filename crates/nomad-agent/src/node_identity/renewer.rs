//! Holds a node's identity, and renews it.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::PathBuf,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use jiff::Timestamp;
use nomad_wire::SecretId;
use serde_json::Value;
use thiserror::Error;
use tokio::{
    sync::Notify,
    task::{JoinHandle, spawn_blocking},
    time::{sleep, timeout},
};
use tracing::{info, instrument::WithSubscriber as _, warn};

use super::{IdentityRequest, IssueError, Issuer, Signer, claims};
use crate::{
    atomic_file,
    membership::{Membership, MembershipError},
};

/// The log target.
const TARGET: &str = "client";

/// The first identity is ready when the agent is, unless servers take longer than this.
const FIRST_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the expiry of an identity is checked. A clock jump, or a machine's sleep, is noticed this late.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// The pause after a failed request: one small request a second costs nothing.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The issuers that a node can use.
pub(crate) struct IdentitySources {
    /// The server part of the same agent.
    pub(crate) local_issuer: Option<Arc<Issuer>>,
    /// Other servers.
    pub(crate) membership: Arc<dyn Membership>,
    /// The region of the agent, for an identity that it issues itself.
    pub(crate) region: String,
    /// The directory of the persisted identity, and of the key of a node without servers.
    pub(crate) directory: Option<PathBuf>,
}

/// Renews the identity of a node until it is dropped.
#[derive(Debug)]
pub(crate) struct IdentityRenewer {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    request: IdentityRequest,
    sources: IdentitySources,
    /// The issuer of a node without servers.
    self_issuer: OnceLock<Issuer>,
    claims: RwLock<Option<BTreeMap<String, Value>>>,
    renewal_requested: Notify,
}

/// Why there is no new identity.
#[derive(Debug, Error)]
enum RenewalError {
    #[error(transparent)]
    Servers(#[from] MembershipError),
    #[error(transparent)]
    Issue(#[from] IssueError),
    #[error("the identity cannot be persisted")]
    Store(#[from] io::Error),
    #[error("the servers do not respond in time")]
    Timeout,
    #[error("a server sent no valid identity of this node")]
    InvalidToken,
}

impl IdentityRenewer {
    /// Takes the persisted identity, or requests one, and renews it from then on. Needs a tokio runtime.
    pub(crate) async fn start(request: IdentityRequest, sources: IdentitySources) -> Self {
        let shared = Arc::new(Shared {
            request,
            sources,
            self_issuer: OnceLock::new(),
            claims: RwLock::default(),
            renewal_requested: Notify::new(),
        });
        shared.restore();
        let mut failed = false;
        if shared.is_due() {
            let first = timeout(FIRST_TIMEOUT, shared.renew()).await;
            let error = first.unwrap_or(Err(RenewalError::Timeout)).err();
            failed = error.inspect(log_failure).is_some();
        }
        let watching =
            tokio::spawn(Arc::clone(&shared).renew_forever(failed).with_current_subscriber());
        Self { shared, task: watching }
    }

    /// The claims of the identity as Nomad shows them, if there is one.
    pub(crate) fn claims(&self) -> Option<BTreeMap<String, Value>> {
        self.shared.current_claims().as_ref().map(claims::display_claims)
    }

    /// Requests a new identity without waiting for it.
    pub(crate) fn renew(&self) {
        self.shared.renewal_requested.notify_one();
    }
}

impl Drop for IdentityRenewer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn log_failure(error: &RenewalError) {
    warn!(target: TARGET, %error, "no new node identity");
}

impl Shared {
    async fn renew_forever(self: Arc<Self>, mut failed: bool) {
        let mut asked = false;
        loop {
            let pause = if asked || self.is_due() { RETRY_INTERVAL } else { CHECK_INTERVAL };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.renewal_requested.notified() => asked = true,
            }
            if !asked && !self.is_due() {
                continue;
            }
            match self.renew().await {
                Ok(()) => (asked, failed) = (false, false),
                Err(error) if !failed => {
                    log_failure(&error);
                    failed = true;
                }
                // Logged only once, because it is retried every second.
                Err(_) => {}
            }
        }
    }

    /// Requests, persists and applies a new identity.
    async fn renew(&self) -> Result<(), RenewalError> {
        let token = self.request_token().await?;
        let fits = |claims: &BTreeMap<_, _>| claims::match_request(claims, &self.request);
        let new = claims::decode_claims(&token).filter(fits).ok_or(RenewalError::InvalidToken)?;
        if let Some(file) = self.token_file() {
            let kept = move || atomic_file::replace(&file, token.expose().as_bytes());
            spawn_blocking(kept).await.map_err(io::Error::other)??;
        }
        *self.claims.write().unwrap_or_else(PoisonError::into_inner) = Some(new);
        info!(target: TARGET, "setting node identity token");
        Ok(())
    }

    async fn request_token(&self) -> Result<SecretId, RenewalError> {
        let IdentitySources { local_issuer: own, membership, .. } = &self.sources;
        if own.is_none() && !membership.servers().is_empty() {
            return Ok(membership.sign_identity(&self.request).await?);
        }
        let issuer = match own {
            Some(own) => own,
            None => self.self_issuer()?,
        };
        Ok(issuer.issue(&self.request, Timestamp::now())?)
    }

    /// The issuer of a node without servers. Only one renewal runs at a time, so it is not created twice.
    fn self_issuer(&self) -> io::Result<&Issuer> {
        if let Some(issuer) = self.self_issuer.get() {
            return Ok(issuer);
        }
        let file = self.sources.directory.as_ref().map(|home| home.join("identity-key"));
        let issuer = Issuer::new(Signer::load_or_create(file.as_deref())?, &self.sources.region);
        Ok(self.self_issuer.get_or_init(|| issuer))
    }

    /// Applies the persisted identity, if it still matches this node.
    fn restore(&self) {
        let kept = self.token_file().and_then(|file| std::fs::read_to_string(file).ok());
        let claims = kept.and_then(|token| claims::decode_claims(&SecretId::new(token)));
        let fitting = claims.filter(|claims| claims::match_request(claims, &self.request));
        *self.claims.write().unwrap_or_else(PoisonError::into_inner) = fitting;
    }

    fn is_due(&self) -> bool {
        let now = Timestamp::now();
        self.current_claims().as_ref().is_none_or(|claims| claims::are_expiring(claims, now))
    }

    // Claims are replaced as a whole, so a poisoned lock holds valid ones.

    fn current_claims(&self) -> std::sync::RwLockReadGuard<'_, Option<BTreeMap<String, Value>>> {
        self.claims.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn token_file(&self) -> Option<PathBuf> {
        self.sources.directory.as_ref().map(|home| home.join("identity"))
    }
}

impl fmt::Debug for IdentitySources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentitySources").field("own", &self.local_issuer).finish_non_exhaustive()
    }
}
