//! Cross-origin rules of the client API: any page may read, none may write.

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use nomad_wire::{CrossOrigin, Route};

use crate::body::Body;

/// What the response to a request depends on.
#[derive(Debug)]
pub(super) struct Cors {
    rules: CrossOrigin,
    /// A cross-origin request that is allowed.
    is_allowed: bool,
}

impl Cors {
    /// The rules for this request, if its path has any.
    pub(super) fn from_request<B>(request: &Request<B>) -> Option<Self> {
        let rules = CrossOrigin::for_path(&Route::decoded_path(request.uri()))?;
        let is_foreign = request.headers().contains_key(header::ORIGIN);
        Some(Self { rules, is_allowed: is_foreign && rules.allows(request.method()) })
    }

    /// The response to a preflight request, sent before anything else is checked.
    pub(super) fn preflight<B>(request: &Request<B>) -> Option<Response<Body>> {
        let Self { rules, .. } = Self::from_request(request)?;
        let requested = request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        if request.method() != Method::OPTIONS {
            return None;
        }
        let mut response = Response::new(Body::full(""));
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if Method::from_bytes(requested.as_bytes()).is_ok_and(|method| rules.allows(&method)) {
            allow(headers);
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, requested.clone());
            if let Some(names) = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
            }
        }
        Some(response)
    }

    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if self.is_allowed {
            allow(headers);
        }
    }
}

fn allow(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
}
