//! What reaches the room behind when a token is not known, and what does not.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use futures_util::FutureExt;
use http::{HeaderMap, Method, Request, header};
use nomad_acl::{
    Acl, Identified, Identify, IdentifyError, LookupOptions, RegionScope, RegionalAcl, Tokens,
    TokensError,
};
use nomad_wire::{Route, SecretId};
use tower_service::Service;

/// Knows no token at all.
#[derive(Debug, Clone, Copy)]
struct NoTokens;

impl Tokens for NoTokens {
    type Future = Ready<Result<RegionalAcl, TokensError>>;

    fn resolve_with(&self, token: Option<&SecretId>, _: LookupOptions<'_>) -> Self::Future {
        let nothing = RegionalAcl::new(RegionScope::Own, Acl::deny_all());
        ready(if token.is_none() { Ok(nothing) } else { Err(TokensError::NotFound) })
    }
}

/// Answers with the call that reached it.
#[derive(Debug, Clone, Copy)]
struct InnerService;

impl Service<Identified<()>> for InnerService {
    type Response = Route;
    type Error = TestError;
    type Future = Ready<Result<Route, TestError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TestError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, known: Identified<()>) -> Self::Future {
        ready(Ok(known.call.route))
    }
}

#[derive(Debug)]
struct TestError;

impl From<IdentifyError> for TestError {
    fn from(_: IdentifyError) -> Self {
        Self
    }
}

fn identify(
    method: Method,
    path: &str,
    headers: &[(header::HeaderName, &str)],
) -> Result<Route, TestError> {
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(name.clone(), value.parse().unwrap());
    }
    *request.headers_mut() = map;
    Identify::new(InnerService, NoTokens).call(request).now_or_never().unwrap()
}

fn with_unknown_token(path: &str) -> Result<Route, TestError> {
    identify(
        Method::GET,
        path,
        &[(header::AUTHORIZATION, "Bearer 11111111-2222-3333-4444-555555555555")],
    )
}

#[test]
fn what_a_server_answers_is_not_refused_for_an_unknown_token() {
    for path in [
        "/v1/regions",
        "/v1/status/leader",
        "/.well-known/jwks.json",
        "/v1/nothing",
        "/v1/agent/health",
    ] {
        assert!(with_unknown_token(path).is_ok(), "{path}");
    }
    let snapshot = "/v1/client/allocation/23d54ecf-7e7e-3811-98a2-89df0cd64589/snapshot";
    assert!(with_unknown_token(snapshot).is_ok());
}

#[test]
fn what_is_decided_here_is_refused_for_an_unknown_token() {
    for path in [
        "/v1/agent/self",
        "/v1/agent/members",
        "/v1/client/stats?node_id=x",
        "/v1/agent/pprof/heap",
    ] {
        assert!(with_unknown_token(path).is_err(), "{path}");
    }
}

#[test]
fn a_preflight_is_a_servers_business() {
    let cross = [
        (header::ORIGIN, "http://elsewhere.example"),
        (header::ACCESS_CONTROL_REQUEST_METHOD, "GET"),
    ];
    for path in ["/v1/client/stats?node_id=x", "/v1/client/metadata", "/v1/client/fs/ls/x"] {
        assert!(matches!(identify(Method::OPTIONS, path, &cross), Ok(Route::Pass)), "{path}");
    }
    // Without its two headers it is a call like any other.
    assert!(!matches!(
        identify(Method::OPTIONS, "/v1/client/stats?node_id=x", &cross[..1]),
        Ok(Route::Pass)
    ));
    assert!(!matches!(
        identify(Method::GET, "/v1/client/stats?node_id=x", &cross),
        Ok(Route::Pass)
    ));
}
