//! One token lookup: its API calls in order.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use nomad_wire::SecretId;
use serde::de::DeserializeOwned;
use tower_service::Service;

use super::{AclKey, CachedPolicy, MISSING_POLICY_TTL, Shared, body};
use crate::tokens::nomad::{
    api_outcome::{self, ApiOutcome, unavailable},
    api_request::{self, Consistency},
};
use crate::{
    Acl, NamedPolicy, TokenInfo,
    tokens::{Clock, ResolvedToken, TokenLookupError},
};

/// What is asked, and through what.
pub(super) struct Lookup<S, C> {
    service: S,
    token: Option<SecretId>,
    shared: Arc<Shared<C>>,
    /// How old a remembered policy may be.
    max_policy_age: Duration,
    /// When this was begun.
    started_at: Duration,
    consistency: Consistency,
    /// An answer took something from the token, and whoever gave it may lag behind.
    needs_confirmation: bool,
    /// When the oldest part of the answer was asked for.
    as_of: Duration,
}

/// The accessor by which an agent says that ACLs are switched off (1.10.1 and later).
const DISABLED_ACCESSOR: &str = "acls-disabled";

/// The policy of callers without a token; it need not exist.
const ANONYMOUS: &str = "anonymous";

impl<S, C> Lookup<S, C>
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
        Self {
            service,
            token,
            shared,
            max_policy_age: part,
            started_at: begun,
            consistency,
            needs_confirmation: is_doubtful,
            as_of: begun,
        }
    }

    /// Asks any server, and the leader where that answer took something from the token.
    pub(super) async fn run(mut self) -> Result<ResolvedToken, TokenLookupError> {
        let answer = self.run_once().await;
        if !self.needs_confirmation {
            return answer;
        }
        let shared = self.shared.clone();
        let Some(turn) = shared.confirmations.acquire(|| shared.clock.elapsed()).await else {
            return unconfirmed(answer);
        };
        self.consistency = Consistency::Leader;
        self.as_of = self.started_at;
        match self.run_once().await {
            Err(TokenLookupError::Unavailable(_)) => {
                turn.pause(shared.clock.elapsed());
                unconfirmed(answer)
            }
            confirmed => confirmed,
        }
    }

    async fn run_once(&mut self) -> Result<ResolvedToken, TokenLookupError> {
        let found = match &self.token {
            None => self
                .compile_acl(BTreeSet::from([ANONYMOUS.to_owned()]))
                .await
                .map(ResolvedToken::new),
            // Sent on, an empty token would be taken for none, and its caller for the anonymous one.
            Some(token) if token.expose().is_empty() => Err(TokenLookupError::NotFound),
            Some(token) if is_jwt(token.expose()) => self.look_up_workload().await,
            Some(_) => self.look_up_token().await,
        };
        found.map(|found| found.with_age(self.started_at.saturating_sub(self.as_of)))
    }

    async fn look_up_token(&mut self) -> Result<ResolvedToken, TokenLookupError> {
        let token: body::Token = match self.get("/v1/acl/token/self").await? {
            ApiOutcome::Found(token) => token,
            ApiOutcome::AclsDisabled => return Ok(ResolvedToken::new(Acl::disabled())),
            ApiOutcome::NotFound => return Err(self.refusal(TokenLookupError::NotFound)),
            ApiOutcome::Denied(error) => return Err(self.refusal(error)),
            ApiOutcome::Malformed => return Err(TokenLookupError::NotFound),
        };
        if token.accessor == DISABLED_ACCESSOR {
            return Ok(ResolvedToken::new(Acl::disabled()));
        }
        let expires = parse_expiration(&token)?;
        if expires.is_some_and(|end| end <= self.shared.clock.now()) {
            return Err(TokenLookupError::Expired);
        }
        let bearer = TokenInfo { accessor: token.accessor.into(), name: token.name.into() };
        if token.r#type == "management" {
            return Ok(ResolvedToken::new(Acl::management().with_token_info(bearer))
                .with_expiration(expires));
        }
        let mut names: BTreeSet<String> = token.policies.unwrap_or_default().into_iter().collect();
        for role in token.roles.unwrap_or_default() {
            names.extend(self.role_policies(&role.id).await?);
        }
        Ok(ResolvedToken::new(self.compile_acl(names).await?.with_token_info(bearer))
            .with_expiration(expires))
    }

    /// A workload's own policies. Beside them it may read the variables of its own job, which the
    /// servers decide, for they know the allocation.
    async fn look_up_workload(&mut self) -> Result<ResolvedToken, TokenLookupError> {
        let stubs: Option<Vec<body::PolicyLink>> = match self.get("/v1/acl/policy/self").await? {
            ApiOutcome::Found(stubs) => stubs,
            ApiOutcome::AclsDisabled => return Ok(ResolvedToken::new(Acl::disabled())),
            ApiOutcome::NotFound => return Err(self.refusal(TokenLookupError::NotFound)),
            ApiOutcome::Denied(error) => return Err(self.refusal(error)),
            ApiOutcome::Malformed => return Err(TokenLookupError::NotFound),
        };
        // A workload without a policy is told `null`.
        let names = stubs.unwrap_or_default().into_iter().map(|stub| stub.name).collect();
        self.compile_acl(names).await.map(ResolvedToken::new)
    }

    /// The policies of a role; of a role that was deleted meanwhile, none.
    async fn role_policies(&mut self, id: &str) -> Result<Vec<String>, TokenLookupError> {
        if !is_valid_name(id) {
            return Ok(Vec::new());
        }
        match self.get::<body::Role>(&format!("/v1/acl/role/{id}")).await? {
            ApiOutcome::Found(role) => {
                Ok(role.policies.unwrap_or_default().into_iter().map(|link| link.name).collect())
            }
            ApiOutcome::NotFound => {
                self.require_confirmation();
                Ok(Vec::new())
            }
            ApiOutcome::AclsDisabled | ApiOutcome::Malformed => Err(inconsistency()),
            ApiOutcome::Denied(error) => Err(self.link_error(error)),
        }
    }

    /// One ACL of all these policies. Policies that do not exist are passed over; of one that cannot be read counts what
    /// [`Policy::from_stored`](crate::Policy::from_stored) makes of it.
    async fn compile_acl(&mut self, names: BTreeSet<String>) -> Result<Acl, TokenLookupError> {
        let mut kept = Vec::with_capacity(names.len());
        for name in names.iter().filter(|name| is_valid_name(name)) {
            match self.fetch_policy(name).await? {
                ApiOutcome::Found(policy) => {
                    self.as_of = self.as_of.min(policy.fetched_at);
                    kept.push(policy);
                }
                ApiOutcome::NotFound => self.note_missing_policy(name),
                // Without a token there is nothing else to know ACLs by.
                ApiOutcome::AclsDisabled if self.token.is_none() => return Ok(Acl::disabled()),
                ApiOutcome::AclsDisabled | ApiOutcome::Malformed => return Err(inconsistency()),
                // Anybody may read the policy of the anonymous; a server that refuses has none.
                ApiOutcome::Denied(_) if self.token.is_none() => {}
                ApiOutcome::Denied(error) => return Err(self.link_error(error)),
            }
        }
        // Without an index a change could not be told from what is remembered.
        if kept.iter().any(|kept| kept.modify_index == 0) {
            return Ok(compile(&kept));
        }
        let key: AclKey = kept.iter().map(|kept| (kept.name.clone(), kept.modify_index)).collect();
        if let Some(acl) = self.shared.acls.get(&key) {
            return Ok(acl);
        }
        let acl = compile(&kept);
        self.shared.acls.insert(key, acl.clone());
        Ok(acl)
    }

    async fn fetch_policy(
        &mut self,
        name: &str,
    ) -> Result<ApiOutcome<CachedPolicy>, TokenLookupError> {
        let asked = self.shared.clock.elapsed();
        let remembered = self.shared.policies.get(name);
        if let Some(kept) = remembered.filter(|kept| asked < kept.fetched_at + self.max_policy_age)
        {
            return Ok(ApiOutcome::Found(kept));
        }
        let body = match self.get::<body::Policy>(&format!("/v1/acl/policy/{name}")).await? {
            ApiOutcome::Found(body) => body,
            ApiOutcome::NotFound => return Ok(ApiOutcome::NotFound),
            ApiOutcome::AclsDisabled => return Ok(ApiOutcome::AclsDisabled),
            ApiOutcome::Malformed => return Ok(ApiOutcome::Malformed),
            ApiOutcome::Denied(error) => return Ok(ApiOutcome::Denied(error)),
        };
        let name: Arc<str> = body.name.into();
        let stored = crate::Policy::from_stored(&body.rules, body.rules_json.as_ref());
        let (policy, modified) = (Arc::new(stored.policy), body.modify_index);
        self.shared.report_unreadable(&name, modified, &stored.source);
        let kept =
            CachedPolicy { name: name.clone(), policy, modify_index: modified, fetched_at: asked };
        self.shared.policies.insert((*name).into(), kept.clone());
        Ok(ApiOutcome::Found(kept))
    }

    async fn get<T: DeserializeOwned>(
        &mut self,
        path: &str,
    ) -> Result<ApiOutcome<T>, TokenLookupError> {
        let token = self.token.as_ref();
        api_outcome::classify(
            &api_request::get(&mut self.service, path, token, self.consistency).await?,
        )
    }

    /// A server that lags behind has this one say so too soon.
    fn require_confirmation(&mut self) {
        self.needs_confirmation |= self.consistency == Consistency::Stale;
    }

    fn refusal(&mut self, error: TokenLookupError) -> TokenLookupError {
        // A token that has expired is over whoever is asked.
        if matches!(error, TokenLookupError::NotFound) {
            self.require_confirmation();
        }
        error
    }

    /// The token was good a moment ago and may not read what it is linked to: the links changed between two calls, or
    /// the second one went to a server that lags behind. That says nothing about the token, so it must not be taken for
    /// "no such token".
    fn link_error(&mut self, error: TokenLookupError) -> TokenLookupError {
        match error {
            TokenLookupError::NotFound => {
                self.require_confirmation();
                unavailable(error)
            }
            other => other,
        }
    }

    /// A policy that the token is linked to and that does not exist.
    fn note_missing_policy(&mut self, name: &str) {
        // Callers without a token have a policy only where somebody has written one: it is not waited for.
        if self.token.is_none() {
            return;
        }
        let now = self.shared.clock.elapsed();
        match self.consistency {
            Consistency::Leader => {
                self.shared.missing.insert(name.into(), now + MISSING_POLICY_TTL)
            }
            Consistency::Stale => {
                let until = self.shared.missing.get(name);
                self.needs_confirmation |= until.is_none_or(|until| until <= now);
            }
        }
    }
}

/// What a server that may lag behind said, when no leader could be asked. Its refusal counts.
fn unconfirmed(
    answer: Result<ResolvedToken, TokenLookupError>,
) -> Result<ResolvedToken, TokenLookupError> {
    match answer {
        Err(TokenLookupError::NotFound) => Err(TokenLookupError::Unconfirmed),
        answer => answer,
    }
}

/// A server knows the token, and the next one says that there are no ACLs: neither is believed, or a single answer could
/// open everything.
fn inconsistency() -> TokenLookupError {
    unavailable(api_outcome::ResponseError::Inconsistent)
}

fn compile(kept: &[CachedPolicy]) -> Acl {
    Acl::compile(kept.iter().map(|kept| NamedPolicy::new(&kept.name, &kept.policy)))
}

/// A token that expires at a time that cannot be read must not live for ever.
fn parse_expiration(token: &body::Token) -> Result<Option<Timestamp>, TokenLookupError> {
    token.expiration_time.as_deref().map(str::parse).transpose().map_err(unavailable)
}

/// The names of policies and the ids of roles are letters, digits and hyphens. Anything else is not
/// put into a path.
fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Three parts with dots between them; a secret id has none.
fn is_jwt(token: &str) -> bool {
    token.split('.').count() == 3
}
