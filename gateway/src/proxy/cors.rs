//! `cors`: which pages of other sites may read a response.
//!
//! Nomad's agents answer pages of every site with the origin `*` and, in the same breath, allow credentials, on some of
//! their calls; browsers refuse that combination. With [`Origins`] of its own the gateway answers for all calls, its own
//! included: the origins that are named are echoed exactly, and what agents say about it is taken out. Without, what agents say
//! passes as it comes, and answers that no agent gave say the same.
//!
//! The `Origin` of a page that may is not sent on: an agent would refuse its websocket for it.

mod future;
mod nomad_headers;
mod origins;

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
        ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
        ORIGIN,
    },
};
use http_body_util::{Either, Empty};
use tower_service::Service;

use self::nomad_headers::NomadHeaders;
pub use self::origins::{OriginError, Origins};

/// An answer of whoever is behind, or to a preflight.
pub type CorsBody<R> = Either<R, Empty<Bytes>>;

/// What a page may send.
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");

/// What a page may read beside the body: the state of blocking queries and pages, and who answered.
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "X-Nomad-Index, X-Nomad-KnownLeader, X-Nomad-LastContact, X-Nomad-NextToken, X-Request-Id, \
     X-Nomad-Gateway-Agent, X-Nomad-Gateway-Path, X-Nomad-Gateway-Denied, Retry-AfterValue",
);

/// Seconds for which a browser need not ask again. Chromium's own bound is two hours, and an operator who takes an origin
/// out does not want to wait so long.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// What agents may have said.
const CORS_HEADERS: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
];

/// Answers pages of other sites for `S`.
#[derive(Debug, Clone)]
pub struct Cors<S> {
    inner: S,
    origins: Option<Arc<Origins>>,
}

impl<S> Cors<S> {
    /// Stands before `inner`; with `None` what agents say passes.
    pub fn new(inner: S, origins: Option<Origins>) -> Self {
        Self { inner, origins: origins.map(Arc::new) }
    }
}

impl<S, B, R> Service<Request<B>> for Cors<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
{
    type Response = Response<CorsBody<R>>;
    type Error = Infallible;
    type Future = future::ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let rules = NomadHeaders::from_request(&request);
        let Some(origins) = &self.origins else {
            return future::ResponseFuture::with_nomad_headers(self.inner.call(request), rules);
        };
        let page = RequestOrigin::from_headers(request.headers(), origins);
        if is_preflight(&request) {
            return future::ResponseFuture::preflight(preflight_response(&page, request.headers()));
        }
        if matches!(page, RequestOrigin::Allowed { .. }) {
            request.headers_mut().remove(ORIGIN);
        }
        future::ResponseFuture::with_configured_origins(self.inner.call(request), page, rules)
    }
}

/// The page that asks.
#[derive(Debug, Clone)]
enum RequestOrigin {
    /// None, or one of the same site: browsers need no word about it.
    None,
    /// One of another site that may not read the answer.
    Denied,
    /// One that may.
    Allowed { origin: HeaderValue, credentials: bool },
}

impl RequestOrigin {
    fn from_headers(headers: &HeaderMap, origins: &Origins) -> Self {
        let Some(origin) = headers.get(ORIGIN) else { return Self::None };
        match origins.allows_credentials(origin.as_bytes()) {
            Some(credentials) => Self::Allowed { origin: origin.clone(), credentials },
            None => Self::Denied,
        }
    }

    /// Says in an answer's head what the page may do with it.
    fn set_headers(&self, headers: &mut HeaderMap) {
        for name in &CORS_HEADERS {
            headers.remove(name);
        }
        // A cache must not give one page the answer to another.
        nomad_headers::add_vary(headers, "Origin");
        if let Self::Allowed { origin, credentials } = self {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            if *credentials {
                headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            }
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
    }
}

fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ORIGIN)
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answered here: no agent needs to be asked, and a preflight has no token to be asked with.
fn preflight_response(page: &RequestOrigin, asked: &HeaderMap) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    page.set_headers(headers);
    headers.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
    if matches!(page, RequestOrigin::Allowed { .. }) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        if let Some(wanted) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use http_body_util::Full;

    use super::*;

    /// Says which origin it saw, and what Nomad's agents say.
    #[derive(Clone)]
    struct Agent;

    impl Service<Request<()>> for Agent {
        type Response = Response<Full<Bytes>>;
        type Error = Infallible;
        type Future = Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<()>) -> Self::Future {
            let response = Response::builder()
                .header("access-control-allow-origin", "*")
                .header("access-control-allow-credentials", "true")
                .header("vary", "Accept-Encoding, Origin")
                .header("saw-origin", request.headers().contains_key(ORIGIN).to_string());
            ready(Ok(response.body(Full::default()).unwrap()))
        }
    }

    async fn send(origins: Option<&[&str]>, request: http::request::Builder) -> (u16, HeaderMap) {
        let origins = origins.map(|texts| {
            let mut origins = Origins::default();
            texts.iter().for_each(|text| origins.add(text).unwrap());
            origins
        });
        let mut cors = Cors::new(Agent, origins);
        let Ok(response) = cors.call(request.body(()).unwrap()).await;
        (response.status().as_u16(), response.headers().clone())
    }

    fn get(origin: &str) -> http::request::Builder {
        Request::get("/v1/client/stats").header("origin", origin)
    }

    #[tokio::test]
    async fn named_origins_are_echoed_and_others_hear_nothing() {
        let named: &[&str] = &["https://ui.example", "http://localhost:4200"];
        let (_, headers) = send(Some(named), get("https://ui.example")).await;
        assert_eq!(headers["access-control-allow-origin"], "https://ui.example");
        assert_eq!(headers["access-control-allow-credentials"], "true");
        assert_eq!(headers["saw-origin"], "false");
        assert_eq!(headers.get_all("vary").iter().count(), 1);
        for origin in
            ["https://ui.example.evil", "http://ui.example", "null", "https://ui.example:444"]
        {
            let (_, headers) = send(Some(named), get(origin)).await;
            assert!(!headers.keys().any(|name| name.as_str().starts_with("access-control")));
            assert_eq!(headers["saw-origin"], "true", "a websocket of it is refused");
        }
        let (_, headers) = send(Some(named), Request::get("/v1/client/stats")).await;
        assert!(!headers.contains_key("access-control-allow-origin"));
    }

    #[tokio::test]
    async fn any_origin_gets_no_credentials() {
        let (_, headers) = send(Some(&["*"]), get("https://some.example")).await;
        assert_eq!(headers["access-control-allow-origin"], "https://some.example");
        assert!(!headers.contains_key("access-control-allow-credentials"));
    }

    #[tokio::test]
    async fn preflights_are_answered_here() {
        let preflight = |origin| {
            Request::options("/v1/jobs")
                .header("origin", origin)
                .header("access-control-request-method", "PUT")
                .header("access-control-request-headers", "x-nomad-token")
        };
        let named: &[&str] = &["https://ui.example"];
        let (status, headers) = send(Some(named), preflight("https://ui.example")).await;
        assert_eq!(status, 204);
        assert_eq!(headers["access-control-allow-headers"], "x-nomad-token");
        assert!(headers["access-control-allow-methods"].to_str().unwrap().contains("PUT"));
        let (status, headers) = send(Some(named), preflight("https://other.example")).await;
        assert_eq!((status, headers.contains_key("access-control-allow-origin")), (204, false));
        assert!(!headers.contains_key("saw-origin"), "no agent is asked");
    }

    #[tokio::test]
    async fn without_origins_what_agents_say_passes() {
        let (_, headers) = send(None, get("https://ui.example")).await;
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(headers["saw-origin"], "true");
    }
}
