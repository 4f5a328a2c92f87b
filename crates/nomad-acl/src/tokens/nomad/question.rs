//! One look-up: the calls in their order.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use nomad_wire::SecretId;
use serde::de::DeserializeOwned;
use tower_service::Service;

use super::{
    Contents, Kept, Shared, body, call,
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
    pub(super) fn new(service: S, token: Option<SecretId>, shared: Arc<Shared<C>>) -> Self {
        Self { service, token, shared }
    }

    pub(super) async fn answer(mut self) -> Result<Found, LookUpError> {
        match &self.token {
            None => self.compiled(BTreeSet::from([ANONYMOUS.to_owned()])).await.map(Found::new),
            // Sent on, an empty token would be taken for none, and its caller for the anonymous one.
            Some(token) if token.expose().is_empty() => Err(LookUpError::NotFound),
            Some(token) if is_jwt(token.expose()) => self.workload().await,
            Some(_) => self.own_token().await,
        }
    }

    async fn own_token(&mut self) -> Result<Found, LookUpError> {
        let token: body::Token = match self.get("/v1/acl/token/self").await? {
            Verdict::Is(token) => token,
            Verdict::Disabled => return Ok(Found::new(Acl::disabled())),
            Verdict::Missing => return Err(LookUpError::NotFound),
            Verdict::Refused(error) => return Err(error),
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
            Verdict::Missing => return Err(LookUpError::NotFound),
            Verdict::Refused(error) => return Err(error),
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
            Verdict::Missing | Verdict::Disabled => Ok(Vec::new()),
            Verdict::Refused(error) => Err(changed(error)),
        }
    }

    /// One ACL of all these policies. Policies that do not exist are passed over; one that cannot be
    /// read fails them all.
    async fn compiled(&mut self, names: BTreeSet<String>) -> Result<Acl, LookUpError> {
        let mut kept = Vec::with_capacity(names.len());
        for name in names.iter().filter(|name| is_plain(name)) {
            match self.policy(name).await? {
                Verdict::Is(policy) => kept.push(policy),
                Verdict::Missing => {}
                Verdict::Disabled => return Ok(Acl::disabled()),
                // Anybody may read the policy of the anonymous; a server that refuses has none.
                Verdict::Refused(_) if self.token.is_none() => {}
                Verdict::Refused(error) => return Err(changed(error)),
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
        let remembered = self.shared.policies.get(name);
        if let Some(kept) = remembered.filter(|kept| self.shared.clock.elapsed() < kept.until) {
            return Ok(Verdict::Is(kept));
        }
        let body = match self.get::<body::Policy>(&format!("/v1/acl/policy/{name}")).await? {
            Verdict::Is(body) => body,
            Verdict::Missing => return Ok(Verdict::Missing),
            Verdict::Disabled => return Ok(Verdict::Disabled),
            Verdict::Refused(error) => return Ok(Verdict::Refused(error)),
        };
        let name: Arc<str> = body.name.into();
        let policy = body
            .rules
            .parse()
            .map_err(|source| LookUpError::Policy { name: name.clone(), source })?;
        let kept = Kept {
            name: name.clone(),
            policy: Arc::new(policy),
            modified: body.modify_index,
            until: self.shared.clock.elapsed() + super::POLICY_FRESH,
        };
        self.shared.policies.insert((*name).into(), kept.clone());
        Ok(Verdict::Is(kept))
    }

    async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<Verdict<T>, LookUpError> {
        verdict::read(&call::get(&mut self.service, path, self.token.as_ref()).await?)
    }
}

fn compile(kept: &[Kept]) -> Acl {
    Acl::compile(kept.iter().map(|kept| Named::new(&kept.name, &kept.policy)))
}

/// The token was good a moment ago and may not read what it is linked to: the links changed between
/// two calls. That says nothing about the token, so it must not be taken for "no such token".
fn changed(error: LookUpError) -> LookUpError {
    match error {
        LookUpError::NotFound => unavailable(error),
        other => other,
    }
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
