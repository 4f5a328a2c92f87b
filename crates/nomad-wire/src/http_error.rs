//! An error as it stands on the wire: a status and a bare text.
//!
//! What a caller did wrong in a route, a query or a header becomes a status here and nowhere else.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use thiserror::Error;

use crate::{header::TokenError, query::QueryError, route::FsRoute, route::RouteError};

/// An error as Nomad puts it on the wire.
///
/// The body is the text, without a newline at its end, as `text/plain; charset=utf-8` (Nomad 1.9.4 and later).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct HttpError {
    status: StatusCode,
    text: Cow<'static, str>,
    location: Option<Box<str>>,
}

impl HttpError {
    /// An error with its status and text.
    #[must_use]
    pub fn new(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, text: text.into(), location: None }
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The answer. An empty text has no content type, as Nomad's unknown paths have none.
    pub fn into_response<B: From<Bytes>>(self) -> Response<B> {
        let body = match self.text {
            Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
            Cow::Owned(text) => Bytes::from(text),
        };
        let content_type = match (&self.location, body.is_empty()) {
            (_, true) => None,
            (Some(_), false) => Some(HeaderValue::from_static("text/html; charset=utf-8")),
            (None, false) => Some(HeaderValue::from_static("text/plain; charset=utf-8")),
        };
        let mut response = Response::new(B::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        // A location is percent-encoded when it is made; one that cannot stand in a header is left out.
        if let Some(Ok(location)) = self.location.map(|location| HeaderValue::from_str(&location)) {
            headers.insert(header::LOCATION, location);
        }
        response
    }
}

impl From<RouteError> for HttpError {
    fn from(error: RouteError) -> Self {
        match error {
            RouteError::MethodNotAllowed(_) => {
                Self::new(StatusCode::METHOD_NOT_ALLOWED, error.to_string())
            }
            RouteError::BadEscape => Self::new(StatusCode::BAD_REQUEST, error.to_string()),
            RouteError::Redirect(location) => {
                let text =
                    format!("<a href=\"{}\">Temporary Redirect</a>.\n\n", escape_html(&location));
                Self { location: Some(location), ..Self::new(StatusCode::TEMPORARY_REDIRECT, text) }
            }
            RouteError::RedirectWithoutBody(location) => {
                Self { location: Some(location), ..Self::new(StatusCode::TEMPORARY_REDIRECT, "") }
            }
        }
    }
}

impl From<QueryError> for HttpError {
    fn from(error: QueryError) -> Self {
        Self::new(query_status(&error), error.to_string())
    }
}

impl From<TokenError> for HttpError {
    fn from(error: TokenError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

/// Nomad says 500 to numbers and booleans of `readat` and `stream`, and 400 to the same ones of `logs`.
const fn query_status(error: &QueryError) -> StatusCode {
    match error {
        QueryError::Offset { route: call, .. } | QueryError::Follow { route: call, .. } => {
            match call {
                FsRoute::Logs => StatusCode::BAD_REQUEST,
                FsRoute::List
                | FsRoute::Stat
                | FsRoute::Cat
                | FsRoute::ReadAt
                | FsRoute::Stream => StatusCode::INTERNAL_SERVER_ERROR,
            }
        }
        QueryError::Limit(_)
        | QueryError::Command(_)
        | QueryError::Tty(_)
        | QueryError::Handshake(_) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use http::{Method, Uri};

    use super::*;
    use crate::{Query, Route, query::LogsQuery, query::StreamQuery};

    #[test]
    fn a_dirty_path_is_redirected_with_its_query() {
        let uri = Uri::from_static("/v1//agent/members?a=%2F&b");
        let fault = HttpError::from(Route::parse(&Method::GET, &uri).unwrap_err());
        let response: Response<Bytes> = fault.into_response();
        assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(response.headers()[header::LOCATION], "/v1/agent/members?a=%2F&b");
    }

    #[test]
    fn a_redirect_has_a_page_for_readers_alone() {
        let uri = Uri::from_static("/v1/agent/keyring");
        for (method, kind) in [
            (Method::GET, Some("text/html; charset=utf-8")),
            (Method::HEAD, Some("text/html; charset=utf-8")),
            (Method::PUT, None),
            (Method::DELETE, None),
        ] {
            let fault = HttpError::from(Route::parse(&method, &uri).unwrap_err());
            assert_eq!(fault.text().is_empty(), kind.is_none(), "{method}");
            let response: Response<Bytes> = fault.into_response();
            assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
            assert_eq!(response.headers()[header::LOCATION], "/v1/agent/keyring/");
            let said = response.headers().get(header::CONTENT_TYPE);
            assert_eq!(said.map(|kind| kind.to_str().unwrap()), kind, "{method}");
        }
    }

    #[test]
    fn the_same_error_has_another_status_on_another_route() {
        let query = Query::new("path=a&task=a&type=stdout&follow=maybe");
        let id = "x".into();
        let stream = HttpError::from(StreamQuery::parse(&id, &query).unwrap_err());
        let logs = HttpError::from(LogsQuery::parse(&id, &query).unwrap_err());
        assert_eq!(stream.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(logs.status(), StatusCode::BAD_REQUEST);
        assert_eq!(stream.text(), logs.text());
    }
}
