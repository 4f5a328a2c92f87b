//! Which requests are identical.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, ORIGIN, TRANSFER_ENCODING},
};
use nomad_wire::{Call, Query, Route, header::X_NOMAD_TOKEN};

use crate::layers::{select::UpstreamRequest, upgrade::Upgradeable};

/// The first segments below `/v1/` whose reads wait for an index. What is not named here is not shared: streams
/// (`event`, `operator/snapshot`), agents' own calls, and whatever a newer Nomad adds.
const BLOCKING_SEGMENTS: [&str; 20] = [
    "acl",
    "allocation",
    "allocations",
    "deployment",
    "deployments",
    "evaluation",
    "evaluations",
    "job",
    "jobs",
    "namespace",
    "namespaces",
    "node",
    "nodes",
    "plugins",
    "scaling",
    "service",
    "services",
    "var",
    "vars",
    "volumes",
];

/// Headers that say who asks, and in which form the answer comes.
const KEY_HEADERS: [HeaderName; KEY_HEADER_COUNT] =
    [X_NOMAD_TOKEN, AUTHORIZATION, ACCEPT_ENCODING, ORIGIN];
const KEY_HEADER_COUNT: usize = 4;

/// What equal requests have in common. It holds a token, so that it is never printed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct CoalesceKey {
    uri: Uri,
    headers: [Option<HeaderValue>; KEY_HEADER_COUNT],
}

impl CoalesceKey {
    /// The key of a request that may be shared. Nothing is allocated for one that may not.
    pub(super) fn from_request<B>(resolved: &UpstreamRequest<B>) -> Option<Self> {
        let request = &resolved.request;
        let is_blocking = resolved.call.route == Route::Pass
            && request.method() == Method::GET
            && request.uri().query().is_some_and(|query| query.contains("index="))
            && has_blocking_segment(request.uri())
            && has_blocking_index(&resolved.call, request.uri());
        if !is_blocking
            || has_body(request.headers())
            || request.extensions().get::<Upgradeable>().is_some()
        {
            return None;
        }
        let mut told = [const { None }; KEY_HEADER_COUNT];
        for (told, name) in told.iter_mut().zip(&KEY_HEADERS) {
            *told = single_value(request.headers(), name).ok()?;
        }
        Some(Self { uri: request.uri().clone(), headers: told })
    }
}

fn has_blocking_segment(uri: &Uri) -> bool {
    let path = uri.path().strip_prefix("/v1/").unwrap_or_default();
    let first = path.split('/').next().unwrap_or_default();
    BLOCKING_SEGMENTS.contains(&first)
}

/// Index 0 never waits: such a read must see what was written before it.
fn has_blocking_index(call: &Call, uri: &Uri) -> bool {
    call.common.as_ref().is_ok_and(|common| common.index > 0)
        && !Query::from_uri(uri).is_repeated("index")
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}

/// The only value of a header; of two that differ, readers could take different ones.
fn single_value(headers: &HeaderMap, name: &HeaderName) -> Result<Option<HeaderValue>, ()> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().cloned();
    if values.all(|value| Some(value) == first.as_ref()) { Ok(first) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Request;
    use nomad_wire::Region;

    use super::*;
    use crate::{
        Agent, Endpoint,
        layers::select::{Path, RelayFallback},
    };

    fn key(method: Method, uri: &str, headers: &[(&str, &str)]) -> Option<CoalesceKey> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let call = Call::parse(request.method(), request.uri()).unwrap();
        let agent = Arc::new(Agent::seed(Region::default(), Endpoint::host("agent", 1)));
        let (fallbacks, path, relay_fallback, early_head) =
            (Vec::new(), Path::Pass, RelayFallback::None, None);
        CoalesceKey::from_request(&UpstreamRequest {
            call,
            request,
            agent,
            fallbacks,
            path,
            relay_fallback,
            early_head,
        })
    }

    fn get(uri: &str) -> Option<CoalesceKey> {
        key(Method::GET, uri, &[])
    }

    #[test]
    fn only_blocking_queries_are_coalesced() {
        assert!(get("/v1/jobs?index=3&wait=1m").is_some());
        assert!(get("/v1/job/web/allocations?wait=1m&index=3").is_some());
        for uri in [
            "/v1/jobs",
            "/v1/jobs?index=",
            "/v1/jobs?index=0",
            "/v1/jobs?index=x",
            "/v1/jobs?index=1&index=2",
            "/v1/jobs?myindex=1",
            "/v1/event/stream?index=3",
            "/v1/operator/snapshot?index=3",
            "/v1/metrics?index=3",
            "/v1/agent/self?index=3",
            "/v1/client/gc?index=3",
            "/v1/client/allocation/13651909-dd6d-35ce-5da0-5004769668b3/gc?index=3",
            "/v2/jobs?index=3",
            "/ui/jobs?index=3",
        ] {
            assert!(get(uri).is_none(), "{uri}");
        }
        for method in [Method::PUT, Method::POST, Method::DELETE, Method::HEAD] {
            assert!(key(method, "/v1/jobs?index=3", &[]).is_none());
        }
        assert!(key(Method::GET, "/v1/jobs?index=3", &[("content-length", "2")]).is_none());
        assert!(key(Method::GET, "/v1/jobs?index=3", &[("content-length", "0")]).is_some());
    }

    #[test]
    fn requests_with_the_same_response_have_one_key() {
        let one = |headers: &[(&str, &str)]| key(Method::GET, "/v1/jobs?index=3", headers);
        assert!(one(&[("user-agent", "a")]) == one(&[("user-agent", "b")]));
        assert!(one(&[("x-nomad-token", "a")]) == one(&[("X-Nomad-Token", "a")]));
        for other in [
            one(&[("x-nomad-token", "b")]),
            one(&[("authorization", "Bearer a")]),
            one(&[("x-nomad-token", "a"), ("accept-encoding", "gzip")]),
            one(&[("x-nomad-token", "a"), ("origin", "http://ui.example")]),
            one(&[]),
            key(Method::GET, "/v1/jobs?index=3&region=x", &[("x-nomad-token", "a")]),
            key(Method::GET, "/v1/jobs?index=4", &[("x-nomad-token", "a")]),
        ] {
            assert!(other.is_some() && other != one(&[("x-nomad-token", "a")]));
        }
        assert!(one(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]).is_none());
    }
}
