//! Tokens and policies fixed in a text: for a fleet of one's own, and for tests.

mod raw;

use std::{
    collections::HashMap,
    future::{Ready, ready},
    sync::Arc,
};

use jiff::Timestamp;
use nomad_wire::SecretId;
use thiserror::Error;

use super::{Clock, LookupOptions, Tokens, TokensError};
use crate::{Acl, NamedPolicy, Policy, PolicyError, RegionScope, RegionalAcl, TokenInfo};

/// A fixed table of tokens.
///
/// The text is JSON. Policies are named, tokens name their policies, and a policy named `anonymous`
/// says what callers without a token may do. A policy that a token names and the table lacks is
/// passed over, as Nomad does. All of it holds in one region, the own one. A token's `accessor` and `name` are for logs.
///
/// ```
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}, time::Duration};
/// use nomad_acl::{RegionScope, Subject, Tokens, tokens::{Clock, TokenTable}};
/// use nomad_wire::SecretId;
///
/// # struct Noon;
/// # impl Clock for Noon {
/// #     fn elapsed(&self) -> Duration { Duration::ZERO }
/// #     fn now(&self) -> jiff::Timestamp { "2026-06-01T12:00:00Z".parse().unwrap() }
/// # }
/// let text = r#"{
///   "policies": [{ "name": "readers", "rules": "node { policy = \"read\" }" }],
///   "tokens": [
///     { "secret": "7e8fbb01-bbbc-d276-9c14-e17fbe5de1b3", "type": "management" },
///     { "secret": "d8d8a6f5-3cb6-0a0b-3b6a-5a8a2f0f8f9b", "policies": ["readers"],
///       "expires": "2026-12-31T00:00:00Z" }
///   ]
/// }"#;
/// let table = TokenTable::from_json(text, Noon)?;
/// let reader = SecretId::new("d8d8a6f5-3cb6-0a0b-3b6a-5a8a2f0f8f9b");
/// # let mut future = pin!(table.resolve(Some(&reader)));
/// # let Poll::Ready(acl) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { panic!() };
/// # let acl = acl?;
/// // let acl = table.resolve(Some(&reader)).await?;
/// let acl = acl.for_region(&RegionScope::Own)?;
/// assert!(acl.has_capability("node:read".parse()?, &Subject::Agent).is_allowed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TokenTable<C> {
    clock: C,
    rows: Arc<Rows>,
}

#[derive(Debug)]
struct Rows {
    anonymous: Acl,
    tokens: HashMap<SecretId, Row>,
}

#[derive(Debug)]
struct Row {
    acl: Acl,
    expires: Option<Timestamp>,
}

/// Why a text is no table of tokens.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// The text is no JSON of that shape.
    #[error("no table of tokens")]
    Json(#[from] serde_json::Error),
    /// A policy cannot be read.
    #[error("policy {name:?}")]
    Policy {
        /// The policy.
        name: String,
        /// What is wrong with it.
        source: PolicyError,
    },
    /// A policy stands twice.
    #[error("policy {0:?} stands twice")]
    DuplicatePolicy(String),
    /// A token stands twice; the number counts tokens from 1, because a secret is not printed.
    #[error("token {0} stands twice")]
    DuplicateToken(usize),
    /// An expiry that is no time.
    #[error("token {token} expires at no time")]
    InvalidExpiration {
        /// The token, counted from 1.
        token: usize,
        /// What is wrong with the time.
        source: jiff::Error,
    },
}

impl<C: Clock> TokenTable<C> {
    /// Reads a table.
    ///
    /// # Errors
    /// [`TableError`] for the first thing that is wrong with it.
    pub fn from_json(text: &str, clock: C) -> Result<Self, TableError> {
        let table: raw::Table = serde_json::from_str(text)?;
        let policies = parse_policies(&table.policies)?;
        let anonymous = compile(&policies, &["anonymous".to_owned()]);
        let mut tokens = HashMap::with_capacity(table.tokens.len());
        // Tokens with the same policies share one compiled ACL.
        let mut compiled: HashMap<Vec<String>, Acl> = HashMap::new();
        for (token, number) in table.tokens.into_iter().zip(1..) {
            let expires = token
                .expires
                .map(|time| time.parse())
                .transpose()
                .map_err(|source| TableError::InvalidExpiration { token: number, source })?;
            let acl = match token.kind {
                raw::Kind::Management => Acl::management(),
                raw::Kind::Client => match compiled.get(&token.policies) {
                    Some(acl) => acl.clone(),
                    None => {
                        let acl = compile(&policies, &token.policies);
                        compiled.insert(token.policies, acl.clone());
                        acl
                    }
                },
            };
            let acl = match (&*token.accessor, &*token.name) {
                ("", "") => acl,
                (accessor, name) => {
                    acl.with_token_info(TokenInfo { accessor: accessor.into(), name: name.into() })
                }
            };
            if tokens.insert(SecretId::new(token.secret), Row { acl, expires }).is_some() {
                return Err(TableError::DuplicateToken(number));
            }
        }
        Ok(Self { clock, rows: Arc::new(Rows { anonymous, tokens }) })
    }

    fn get(&self, token: Option<&SecretId>) -> Result<Acl, TokensError> {
        let Some(secret) = token else {
            return Ok(self.rows.anonymous.clone());
        };
        let row = self.rows.tokens.get(secret).ok_or(TokensError::NotFound)?;
        if row.expires.is_some_and(|end| end <= self.clock.now()) {
            return Err(TokensError::Expired);
        }
        Ok(row.acl.clone())
    }
}

impl<C: Clock> Tokens for TokenTable<C> {
    type Future = Ready<Result<RegionalAcl, TokensError>>;

    fn resolve_with(&self, token: Option<&SecretId>, _wanted: LookupOptions<'_>) -> Self::Future {
        ready(self.get(token).map(|acl| RegionalAcl::new(RegionScope::Own, acl)))
    }
}

impl<C: Clone> Clone for TokenTable<C> {
    fn clone(&self) -> Self {
        Self { clock: self.clock.clone(), rows: self.rows.clone() }
    }
}

fn parse_policies(written: &[raw::Policy]) -> Result<HashMap<&str, Policy>, TableError> {
    let mut policies = HashMap::with_capacity(written.len());
    for raw::Policy { name, rules } in written {
        let policy =
            rules.parse().map_err(|source| TableError::Policy { name: name.clone(), source })?;
        if policies.insert(&**name, policy).is_some() {
            return Err(TableError::DuplicatePolicy(name.clone()));
        }
    }
    Ok(policies)
}

fn compile(policies: &HashMap<&str, Policy>, names: &[String]) -> Acl {
    let found = names.iter().filter_map(|name| policies.get_key_value(&**name));
    Acl::compile(found.map(|(name, policy)| NamedPolicy::new(name, policy)))
}
