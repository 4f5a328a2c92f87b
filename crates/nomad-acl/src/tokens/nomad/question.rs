//! One look-up: the calls in their order.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use nomad_wire::SecretId;
use serde::de::DeserializeOwned;
use tower_service::Service;

use super::{
    Contents, Kept, MISSING_FOR, Shared, body,
    call::{self, Consistency},
    verdict::{self, Verdict, unavailable},
};
use crate::{
    Acl, Bearer, Named,
    tokens::{Clock, Found, LookUpError},
};

/// What is asked, and through what.
pub(super) struct Question<S, C> {
    service: S,
    token: Option<SecretId>,
    shared: Arc<Shared<C>>,
    /// How old a remembered policy may be.
    part: Duration,
    /// When this was begun.
    begun: Duration,
    consistency: Consistency,
    /// An answer took something from the token, and whoever gave it may lag behind.
    is_doubtful: bool,
    /// When the oldest part of the answer was asked for.
    as_of: Duration,
}

/// The accessor by which an agent says that ACLs are switched off (1.10.1 and later).
const DISABLED_ACCESSOR: &str = "acls-disabled";

/// The policy of callers without a token; it need not exist.
const ANONYMOUS: &str = "anonymous";

impl<S, C> Question<S, C>
where
    S: Service<Request<Bytes>, Response = Response<Bytes>>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    C: Clock,
{
    pub(super) fn new(
        service: S,
        token: Option<SecretId>,
        shared: Arc<Shared<C>>,
        part: Duration,
    ) -> Self {
        let begun = shared.clock.elapsed();
        let (consistency, is_doubtful) = (Consistency::Stale, false);
        Self { service, token, shared, part, begun, consistency, is_doubtful, as_of: begun }
    }

    /// Asks any server, and the leader where that answer took something from the token.
    pub(super) async fn answer(mut self) -> Result<Found, LookUpError> {
        let answer = self.ask().await;
        if !self.is_doubtful {
            return answer;
        }
        let shared = self.shared.clone();
        let Some(turn) = shared.confirmations.turn(|| shared.clock.elapsed()).await else {
            return unconfirmed(answer);
        };
        self.consistency = Consistency::Leader;
        self.as_of = self.begun;
        match self.ask().await {
            Err(LookUpError::Unavailable(_)) => {
                turn.failed(shared.clock.elapsed());
                unconfirmed(answer)
            }
            confirmed => confirmed,
        }
    }

    async fn ask(&mut self) -> Result<Found, LookUpError> {
        let found = match &self.token {
            None => self.compiled(BTreeSet::from([ANONYMOUS.to_owned()])).await.map(Found::new),
            // Sent on, an empty token would be taken for none, and its caller for the anonymous one.
            Some(token) if token.expose().is_empty() => Err(LookUpError::NotFound),
            Some(token) if is_jwt(token.expose()) => self.workload().await,
            Some(_) => self.own_token().await,
        };
        found.map(|found| found.aged(self.begun.saturating_sub(self.as_of)))
    }

    async fn own_token(&mut self) -> Result<Found, LookUpError> {
        let token: body::Token = match self.get("/v1/acl/token/self").await? {
            Verdict::Is(token) => token,
            Verdict::Disabled => return Ok(Found::new(Acl::disabled())),
            Verdict::Missing => return Err(self.refused(LookUpError::NotFound)),
            Verdict::Refused(error) => return Err(self.refused(error)),
            Verdict::Malformed => return Err(LookUpError::NotFound),
        };
        if token.accessor == DISABLED_ACCESSOR {
            return Ok(Found::new(Acl::disabled()));
        }
        let expires = expiry(&token)?;
        if expires.is_some_and(|end| end <= self.shared.clock.now()) {
            return Err(LookUpError::Expired);
        }
        let bearer = Bearer { accessor: token.accessor.into(), name: token.name.into() };
        if token.r#type == "management" {
            return Ok(Found::new(Acl::management().borne_by(bearer)).until(expires));
        }
        let mut names: BTreeSet<String> = token.policies.unwrap_or_default().into_iter().collect();
        for role in token.roles.unwrap_or_default() {
            names.extend(self.role(&role.id).await?);
        }
        Ok(Found::new(self.compiled(names).await?.borne_by(bearer)).until(expires))
    }

    /// A workload's own policies. Beside them it may read the variables of its own job, which the
    /// servers decide, for they know the allocation.
    async fn workload(&mut self) -> Result<Found, LookUpError> {
        let stubs: Option<Vec<body::Named>> = match self.get("/v1/acl/policy/self").await? {
            Verdict::Is(stubs) => stubs,
            Verdict::Disabled => return Ok(Found::new(Acl::disabled())),
            Verdict::Missing => return Err(self.refused(LookUpError::NotFound)),
            Verdict::Refused(error) => return Err(self.refused(error)),
            Verdict::Malformed => return Err(LookUpError::NotFound),
        };
        // A workload without a policy is told `null`.
        let names = stubs.unwrap_or_default().into_iter().map(|stub| stub.name).collect();
        self.compiled(names).await.map(Found::new)
    }

    /// The policies of a role; of a role that was deleted meanwhile, none.
    async fn role(&mut self, id: &str) -> Result<Vec<String>, LookUpError> {
        if !is_plain(id) {
            return Ok(Vec::new());
        }
        match self.get::<body::Role>(&format!("/v1/acl/role/{id}")).await? {
            Verdict::Is(role) => {
                Ok(role.policies.unwrap_or_default().into_iter().map(|link| link.name).collect())
            }
            Verdict::Missing => {
                self.doubt();
                Ok(Vec::new())
            }
            Verdict::Disabled | Verdict::Malformed => Err(inconsistent()),
            Verdict::Refused(error) => Err(self.changed(error)),
        }
    }

    /// One ACL of all these policies. Policies that do not exist are passed over; of one that cannot be read counts what
    /// [`Policy::stored`](crate::Policy::stored) makes of it.
    async fn compiled(&mut self, names: BTreeSet<String>) -> Result<Acl, LookUpError> {
        let mut kept = Vec::with_capacity(names.len());
        for name in names.iter().filter(|name| is_plain(name)) {
            match self.policy(name).await? {
                Verdict::Is(policy) => {
                    self.as_of = self.as_of.min(policy.asked);
                    kept.push(policy);
                }
                Verdict::Missing => self.missing(name),
                // Without a token there is nothing else to know ACLs by.
                Verdict::Disabled if self.token.is_none() => return Ok(Acl::disabled()),
                Verdict::Disabled | Verdict::Malformed => return Err(inconsistent()),
                // Anybody may read the policy of the anonymous; a server that refuses has none.
                Verdict::Refused(_) if self.token.is_none() => {}
                Verdict::Refused(error) => return Err(self.changed(error)),
            }
        }
        // Without an index a change could not be told from what is remembered.
        if kept.iter().any(|kept| kept.modified == 0) {
            return Ok(compile(&kept));
        }
        let key: Contents = kept.iter().map(|kept| (kept.name.clone(), kept.modified)).collect();
        if let Some(acl) = self.shared.acls.get(&key) {
            return Ok(acl);
        }
        let acl = compile(&kept);
        self.shared.acls.insert(key, acl.clone());
        Ok(acl)
    }

    async fn policy(&mut self, name: &str) -> Result<Verdict<Kept>, LookUpError> {
        let asked = self.shared.clock.elapsed();
        let remembered = self.shared.policies.get(name);
        if let Some(kept) = remembered.filter(|kept| asked < kept.asked + self.part) {
            return Ok(Verdict::Is(kept));
        }
        let body = match self.get::<body::Policy>(&format!("/v1/acl/policy/{name}")).await? {
            Verdict::Is(body) => body,
            Verdict::Missing => return Ok(Verdict::Missing),
            Verdict::Disabled => return Ok(Verdict::Disabled),
            Verdict::Malformed => return Ok(Verdict::Malformed),
            Verdict::Refused(error) => return Ok(Verdict::Refused(error)),
        };
        let name: Arc<str> = body.name.into();
        let stored = crate::Policy::stored(&body.rules, body.rules_json.as_ref());
        let (policy, modified) = (Arc::new(stored.policy), body.modify_index);
        self.shared.tell(&name, modified, &stored.reading);
        let kept = Kept { name: name.clone(), policy, modified, asked };
        self.shared.policies.insert((*name).into(), kept.clone());
        Ok(Verdict::Is(kept))
    }

    async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<Verdict<T>, LookUpError> {
        let token = self.token.as_ref();
        verdict::read(&call::get(&mut self.service, path, token, self.consistency).await?)
    }

    /// A server that lags behind has this one say so too soon.
    fn doubt(&mut self) {
        self.is_doubtful |= self.consistency == Consistency::Stale;
    }

    fn refused(&mut self, error: LookUpError) -> LookUpError {
        // A token that has expired is over whoever is asked.
        if matches!(error, LookUpError::NotFound) {
            self.doubt();
        }
        error
    }

    /// The token was good a moment ago and may not read what it is linked to: the links changed between two calls, or
    /// the second one went to a server that lags behind. That says nothing about the token, so it must not be taken for
    /// "no such token".
    fn changed(&mut self, error: LookUpError) -> LookUpError {
        match error {
            LookUpError::NotFound => {
                self.doubt();
                unavailable(error)
            }
            other => other,
        }
    }

    /// A policy that the token is linked to and that does not exist.
    fn missing(&mut self, name: &str) {
        // Callers without a token have a policy only where somebody has written one: it is not waited for.
        if self.token.is_none() {
            return;
        }
        let now = self.shared.clock.elapsed();
        match self.consistency {
            Consistency::Leader => self.shared.missing.insert(name.into(), now + MISSING_FOR),
            Consistency::Stale => {
                let until = self.shared.missing.get(name);
                self.is_doubtful |= until.is_none_or(|until| until <= now);
            }
        }
    }
}

/// What a server that may lag behind said, when no leader could be asked. Its refusal counts.
fn unconfirmed(answer: Result<Found, LookUpError>) -> Result<Found, LookUpError> {
    match answer {
        Err(LookUpError::NotFound) => Err(LookUpError::Unconfirmed),
        answer => answer,
    }
}

/// A server knows the token, and the next one says that there are no ACLs: neither is believed, or a single answer could
/// open everything.
fn inconsistent() -> LookUpError {
    unavailable(verdict::NoAnswer::Inconsistent)
}

fn compile(kept: &[Kept]) -> Acl {
    Acl::compile(kept.iter().map(|kept| Named::new(&kept.name, &kept.policy)))
}

/// A token that expires at a time that cannot be read must not live for ever.
fn expiry(token: &body::Token) -> Result<Option<Timestamp>, LookUpError> {
    token.expiration_time.as_deref().map(str::parse).transpose().map_err(unavailable)
}

/// The names of policies and the ids of roles are letters, digits and hyphens. Anything else is not
/// put into a path.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Three parts with dots between them; a secret id has none.
fn is_jwt(token: &str) -> bool {
    token.split('.').count() == 3
}
