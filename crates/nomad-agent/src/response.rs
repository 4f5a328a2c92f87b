//! Builds responses.

use http::{HeaderValue, Response, StatusCode, header};
use nomad_wire::{
    Query,
    json::{Layout, to_json},
};
use serde::Serialize;

use crate::{body::Body, error::AgentError};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// 200 with a JSON body, indented if the query says `?pretty`.
///
/// # Errors
/// [`AgentError::Encode`].
pub(crate) fn json<T: Serialize>(
    value: &T,
    query: &Query<'_>,
) -> Result<Response<Body>, AgentError> {
    Ok(from_bytes(StatusCode::OK, Some(JSON), to_json(value, layout(query))?))
}

/// 200 with an empty body and no content type.
pub(crate) fn ok() -> Response<Body> {
    from_bytes(StatusCode::OK, None, Vec::new())
}

/// JSON with the status and content type of a healthy or an unhealthy agent.
pub(crate) fn health(healthy: bool, body: Vec<u8>) -> Response<Body> {
    if healthy {
        from_bytes(StatusCode::OK, Some(JSON), body)
    } else {
        from_bytes(StatusCode::INTERNAL_SERVER_ERROR, Some(TEXT), body)
    }
}

/// 200 with a stream: frames are `application/json`, plain bytes `text/plain` without a charset.
pub(crate) fn stream(plain: bool, body: Body) -> Response<Body> {
    build(StatusCode::OK, Some(if plain { PLAIN } else { JSON }), body)
}

/// 200 with a body of the type that its handler determined.
pub(crate) fn with_type(kind: HeaderValue, body: Body) -> Response<Body> {
    build(StatusCode::OK, Some(kind), body)
}

/// 200 with an empty body and no content type.
pub(crate) fn empty() -> Response<Body> {
    build(StatusCode::OK, None, Body::full(""))
}

/// The JSON layout for this query.
pub(crate) fn layout(query: &Query<'_>) -> Layout {
    if query.is_pretty() { Layout::Pretty } else { Layout::Compact }
}

fn from_bytes(status: StatusCode, kind: Option<HeaderValue>, body: Vec<u8>) -> Response<Body> {
    build(status, kind, Body::full(body))
}

fn build(status: StatusCode, kind: Option<HeaderValue>, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    response
}
