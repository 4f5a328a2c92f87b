//! `identify`: parses the route and resolves the token.

mod error;
mod future;
mod layer;
mod lookup_options;

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use http::{
    Method, Request,
    header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN},
};
use nomad_wire::{
    Call, Query, Route, SecretId,
    header::{self, TokenError},
    spec::Requires,
};
use tower_service::Service;

pub use self::{error::IdentifyError, layer::IdentifyLayer};
use crate::{Freshness, LookupOptions, RegionalAcl, Tokens};

/// A request whose call and caller are known.
#[derive(Debug)]
pub struct Identified<B> {
    /// The call, with its query parsed.
    pub call: Call,
    /// What the caller may do, and in which region.
    pub acl: RegionalAcl,
    /// The request as it came.
    pub request: Request<B>,
}

/// The token that a caller sent in the first message of a websocket, instead of in a header.
///
/// Whoever read that message puts it among the request's extensions, where no caller can put anything.
#[derive(Debug, Clone)]
pub struct HandshakeToken(pub SecretId);

/// Hands a request on as [`Identified`].
#[derive(Debug, Clone)]
pub struct Identify<S, T> {
    inner: S,
    tokens: T,
    answered_by: AnsweredBy,
}

/// Who answers the requests.
#[derive(Debug, Clone, Copy)]
enum AnsweredBy {
    /// Whoever the call is for.
    Target,
    /// Whoever identifies, in the own region, and nobody decides after that.
    Local,
}

impl<S, T> Identify<S, T> {
    /// Identifies for `inner`, asking `tokens`.
    pub const fn new(inner: S, tokens: T) -> Self {
        Self { inner, tokens, answered_by: AnsweredBy::Target }
    }

    /// For what is answered here and nowhere else: whatever a request names, the rights are those of the own region,
    /// and they are recent.
    #[must_use]
    pub fn answered_locally(self) -> Self {
        Self { answered_by: AnsweredBy::Local, ..self }
    }
}

impl<S, T, B> Service<Request<B>> for Identify<S, T>
where
    S: Service<Identified<B>> + Clone,
    S::Error: From<IdentifyError>,
    T: Tokens,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = future::ResponseFuture<S, T::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let call = match Call::parse(request.method(), request.uri()) {
            _ if is_preflight(&request) => Call::of(Route::Pass, &Query::from_uri(request.uri())),
            Ok(call) => call,
            Err(error) => return future::ResponseFuture::failed(error.into()),
        };
        let token = match request_token(&request) {
            Ok(token) => token,
            Err(error) => return future::ResponseFuture::failed(error.into()),
        };
        let region = match self.answered_by {
            AnsweredBy::Target => lookup_options::region(&call, request.uri()),
            AnsweredBy::Local => None,
        };
        let freshness = match self.answered_by {
            AnsweredBy::Target => lookup_options::freshness(&call.route, request.uri()),
            AnsweredBy::Local => Freshness::Recent,
        };
        let wanted = LookupOptions { region, freshness };
        let mut acl = self.tokens.resolve_with(token.as_ref(), wanted);
        // Most tokens are known, and then nothing needs to be kept until they are.
        if let Poll::Ready(acl) = Pin::new(&mut acl).poll(&mut Context::from_waker(Waker::noop())) {
            return match future::identify_request(call, acl, request) {
                Ok(known) => future::ResponseFuture::calling(self.inner.call(known)),
                Err(error) => future::ResponseFuture::failed(error),
            };
        }
        // The clone is the one that was not polled ready, so it is the one that stays.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        future::ResponseFuture::resolving(inner, acl, call, request)
    }
}

/// Looks up the token of a request where [`Identify`] will look it up; `None` for a request that shows no token.
///
/// For layers in front of it that treat a known token's requests otherwise. It decides nothing.
pub fn resolve_request_token<T: Tokens, B>(tokens: &T, request: &Request<B>) -> Option<T::Future> {
    let token = request_token(request).ok().flatten()?;
    let call = Call::parse(request.method(), request.uri()).ok()?;
    let wanted = LookupOptions {
        region: lookup_options::region(&call, request.uri()),
        freshness: lookup_options::freshness(&call.route, request.uri()),
    };
    Some(tokens.resolve_with(Some(&token), wanted))
}

fn request_token<B>(request: &Request<B>) -> Result<Option<SecretId>, TokenError> {
    match request.extensions().get::<HandshakeToken>() {
        Some(HandshakeToken(token)) => Ok(Some(token.clone())),
        None => header::token(request.headers()),
    }
}

/// Whether a browser asks for the rules of a call of another site. It sends no token with that, and any agent gives the
/// same answer.
fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && Route::decoded_path(request.uri()).starts_with("/v1/client/")
        && request.headers().contains_key(ORIGIN)
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Whether it is for whoever answers the call to say what a token is worth: a server has calls that look at no token, a
/// migrate token is no ACL token, and everybody may ask how an agent is.
const fn is_authorized_upstream(route: &Route) -> bool {
    match route.spec().requires {
        Requires::Nothing | Requires::MigrateToken | Requires::ServerDecides => true,
        Requires::AnyToken
        | Requires::NodeRead
        | Requires::NodeWrite
        | Requires::AgentRead
        | Requires::AgentWrite
        | Requires::ReadFs
        | Requires::ReadLogs
        | Requires::ReadJob
        | Requires::AllocLifecycle
        | Requires::CollectAllocation
        | Requires::PauseAllocation
        | Requires::AllocExec => false,
    }
}
