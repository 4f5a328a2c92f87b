//! `json_errors`: error texts as JSON, for clients that accept nothing else.
//!
//! Nomad says what went wrong in plain text, and its clients match on it. A caller whose `Accept` is `application/json` and
//! no more gets the same text as `{"error": "…", "status": 403}`, from whomever the error comes. `*/*` beside it means
//! that text will do, as with Nomad's own clients and web page.

use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response,
    header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY},
};
use http_body::Body;
use http_body_util::{BodyExt as _, Either, Full, Limited};
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use tower_service::Service;

use crate::proxy::response_future::ResponseFuture;

/// An answer as it came, or an error as JSON.
pub type JsonErrorsBody<R> = Either<R, Full<Bytes>>;

/// The text of an error has some hundred bytes; what is longer is none.
const MAX_TEXT: usize = 64 << 10;

/// The text comes with its head.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Tells the errors of `inner` as JSON to those who want that.
#[derive(Debug, Clone)]
pub struct JsonErrors<S> {
    inner: S,
}

impl<S> JsonErrors<S> {
    /// Tells the errors of `inner`.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B, R> Service<Request<B>> for JsonErrors<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    S::Future: Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<JsonErrorsBody<R>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future, R, Full<Bytes>, Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let wants_json = wants_json(request.headers());
        let answer = self.inner.call(request);
        if !wants_json {
            return ResponseFuture::inner(answer);
        }
        ResponseFuture::boxed(async move {
            let response = answer.await?;
            Ok(if is_text_error(&response) {
                json_error(response).await
            } else {
                response.map(Either::Left)
            })
        })
    }
}

/// JSON is all that the caller accepts.
fn wants_json(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter();
    let first = accepted.next().and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let kind = first.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
        && !first.contains(',')
        && accepted.next().is_none()
}

/// An error in plain text.
fn is_text_error<R: Body>(response: &Response<R>) -> bool {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    (status.is_client_error() || status.is_server_error())
        && kind.is_none_or(|kind| kind.starts_with("text/plain"))
        && !response.headers().contains_key(CONTENT_ENCODING)
        && response.body().size_hint().lower() <= MAX_TEXT as u64
}

async fn json_error<R>(response: Response<R>) -> Response<JsonErrorsBody<R>>
where
    R: Body<Data = Bytes>,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (mut head, body) = response.into_parts();
    // A text that breaks off is told as far as it is known: not at all.
    let text = match timeout(BODY_TIMEOUT, Limited::new(body, MAX_TEXT).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) | Err(_) => Bytes::new(),
    };
    // An unhealthy agent says its state as JSON already.
    let json = if serde_json::from_slice::<Map<String, Value>>(&text).is_ok() {
        text
    } else {
        let text = String::from_utf8_lossy(&text);
        let json = json!({ "error": text.trim_end(), "status": head.status.as_u16() });
        Bytes::from(json.to_string())
    };
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(json.len()));
    head.headers.append(VARY, HeaderValue::from_static("Accept"));
    Response::from_parts(head, Either::Right(Full::from(json)))
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use http::StatusCode;

    use super::*;

    /// Answers with this status, type and text.
    #[derive(Clone)]
    struct StubService(u16, Option<&'static str>, &'static str);

    impl Service<Request<()>> for StubService {
        type Response = Response<Full<Bytes>>;
        type Error = Infallible;
        type Future = Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _request: Request<()>) -> Self::Future {
            let mut response = Response::new(Full::from(self.2));
            *response.status_mut() = StatusCode::from_u16(self.0).unwrap();
            if let Some(kind) = self.1 {
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            }
            ready(Ok(response))
        }
    }

    async fn send(says: StubService, accept: &str) -> (u16, String) {
        let request = Request::get("/v1/jobs").header("accept", accept).body(()).unwrap();
        let Ok(response) = JsonErrors::new(says).call(request).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    const TEXT: Option<&str> = Some("text/plain; charset=utf-8");

    #[tokio::test]
    async fn only_those_who_accept_nothing_else_get_json() {
        let denied = StubService(403, TEXT, "Permission \"denied\"\n");
        let json = r#"{"error":"Permission \"denied\"","status":403}"#;
        for accept in ["application/json", "Application/JSON; charset=utf-8"] {
            assert_eq!(send(denied.clone(), accept).await, (403, json.into()), "{accept}");
        }
        for accept in ["*/*", "", "application/json, text/javascript, */*; q=0.01", "text/plain"] {
            assert_eq!(send(denied.clone(), accept).await, (403, denied.2.into()), "{accept}");
        }
        assert_eq!(
            send(StubService(404, None, ""), "application/json").await.1,
            r#"{"error":"","status":404}"#
        );
    }

    #[tokio::test]
    async fn what_is_no_error_in_text_stays_as_it_is() {
        let json = Some("application/json");
        let health = r#"{"server":{"ok":false}}"#;
        assert_eq!(
            send(StubService(500, TEXT, health), "application/json").await,
            (500, health.into())
        );
        for says in [
            StubService(200, TEXT, "a log"),
            StubService(429, json, "{}"),
            StubService(500, json, "{\"ok\":false}"),
        ] {
            assert_eq!(send(says.clone(), "application/json").await, (says.0, says.2.into()));
        }
    }
}
