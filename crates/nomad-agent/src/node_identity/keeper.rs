//! Who has the identity of a node, and sees to it that there is one.

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

use super::{IdentityRequest, Issuer, NotIssued, Signer, claims};
use crate::{
    durable,
    membership::{Membership, MembershipError},
};

/// The part of the agent that speaks.
const TARGET: &str = "client";

/// The first identity is there when the agent is, unless servers take longer than this.
const FIRST: Duration = Duration::from_secs(1);

/// How often the end of an identity is looked at. A clock that jumps, or a machine that slept, is noticed this late.
const LOOK: Duration = Duration::from_secs(60);

/// The pause after a request that brought nothing: one small request a second costs nothing.
const RETRY: Duration = Duration::from_secs(1);

/// Who signs for a node.
pub(crate) struct Sources {
    /// The server part of the same agent.
    pub(crate) own: Option<Arc<Issuer>>,
    /// Servers elsewhere.
    pub(crate) membership: Arc<dyn Membership>,
    /// The region of the agent, where it signs for itself.
    pub(crate) region: String,
    /// The directory where the identity is kept, and the key of a node that is alone.
    pub(crate) home: Option<PathBuf>,
}

/// Keeps the identity of a node fresh until it is dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    watching: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    request: IdentityRequest,
    sources: Sources,
    /// Who signs while there is nobody else.
    alone: OnceLock<Issuer>,
    claims: RwLock<Option<BTreeMap<String, Value>>>,
    wanted: Notify,
}

/// Why there is no new identity.
#[derive(Debug, Error)]
enum NotRenewed {
    #[error(transparent)]
    Servers(#[from] MembershipError),
    #[error(transparent)]
    Own(#[from] NotIssued),
    #[error("it cannot be kept")]
    Kept(#[from] io::Error),
    #[error("the servers take their time")]
    Late,
    #[error("a server gave something that is no identity of this node")]
    Strange,
}

impl Keeper {
    /// Takes the identity that was kept, or asks for one, and goes on to keep it fresh. Needs a tokio runtime.
    pub(crate) async fn start(request: IdentityRequest, sources: Sources) -> Self {
        let shared = Arc::new(Shared {
            request,
            sources,
            alone: OnceLock::new(),
            claims: RwLock::default(),
            wanted: Notify::new(),
        });
        shared.restore();
        let mut failed = false;
        if shared.is_due() {
            let first = timeout(FIRST, shared.renew()).await;
            let error = first.unwrap_or(Err(NotRenewed::Late)).err();
            failed = error.inspect(tell).is_some();
        }
        let watching = tokio::spawn(Arc::clone(&shared).watch(failed).with_current_subscriber());
        Self { shared, watching }
    }

    /// The claims of the identity as Nomad shows them, if there is one.
    pub(crate) fn claims(&self) -> Option<BTreeMap<String, Value>> {
        self.shared.now().as_ref().map(claims::shown)
    }

    /// Asks for a new identity, and does not wait for it.
    pub(crate) fn renew(&self) {
        self.shared.wanted.notify_one();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

fn tell(error: &NotRenewed) {
    warn!(target: TARGET, %error, "no new node identity");
}

impl Shared {
    async fn watch(self: Arc<Self>, mut failed: bool) {
        let mut asked = false;
        loop {
            let pause = if asked || self.is_due() { RETRY } else { LOOK };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.wanted.notified() => asked = true,
            }
            if !asked && !self.is_due() {
                continue;
            }
            match self.renew().await {
                Ok(()) => (asked, failed) = (false, false),
                Err(error) if !failed => {
                    tell(&error);
                    failed = true;
                }
                // Said once is enough for something that is tried every second.
                Err(_) => {}
            }
        }
    }

    /// Gets, keeps and takes over a new identity.
    async fn renew(&self) -> Result<(), NotRenewed> {
        let token = self.signed().await?;
        let fits = |claims: &BTreeMap<_, _>| claims::fit(claims, &self.request);
        let new = claims::carried(&token).filter(fits).ok_or(NotRenewed::Strange)?;
        if let Some(file) = self.file() {
            let kept = move || durable::replace(&file, token.expose().as_bytes());
            spawn_blocking(kept).await.map_err(io::Error::other)??;
        }
        *self.claims.write().unwrap_or_else(PoisonError::into_inner) = Some(new);
        info!(target: TARGET, "setting node identity token");
        Ok(())
    }

    async fn signed(&self) -> Result<SecretId, NotRenewed> {
        let Sources { own, membership, .. } = &self.sources;
        if own.is_none() && !membership.servers().is_empty() {
            return Ok(membership.identity(&self.request).await?);
        }
        let issuer = match own {
            Some(own) => own,
            None => self.alone()?,
        };
        Ok(issuer.issue(&self.request, Timestamp::now())?)
    }

    /// The issuer of a node that is alone. Only one who renews is at work at any time, so nobody else makes it.
    fn alone(&self) -> io::Result<&Issuer> {
        if let Some(issuer) = self.alone.get() {
            return Ok(issuer);
        }
        let file = self.sources.home.as_ref().map(|home| home.join("identity-key"));
        let issuer = Issuer::new(Signer::kept(file.as_deref())?, &self.sources.region);
        Ok(self.alone.get_or_init(|| issuer))
    }

    /// Takes over what was kept, if it is still of this node.
    fn restore(&self) {
        let kept = self.file().and_then(|file| std::fs::read_to_string(file).ok());
        let claims = kept.and_then(|token| claims::carried(&SecretId::new(token)));
        let fitting = claims.filter(|claims| claims::fit(claims, &self.request));
        *self.claims.write().unwrap_or_else(PoisonError::into_inner) = fitting;
    }

    fn is_due(&self) -> bool {
        let now = Timestamp::now();
        self.now().as_ref().is_none_or(|claims| claims::are_expiring(claims, now))
    }

    // Claims are put in place whole.

    fn now(&self) -> std::sync::RwLockReadGuard<'_, Option<BTreeMap<String, Value>>> {
        self.claims.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self) -> Option<PathBuf> {
        self.sources.home.as_ref().map(|home| home.join("identity"))
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("own", &self.own).finish_non_exhaustive()
    }
}
