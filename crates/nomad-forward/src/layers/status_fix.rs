//! `status_fix`: gives a 500 that says "permission denied" or "not found" the status that it means.
//!
//! Between Nomad's agents an error is a text; on its way through a server the status is lost, and what the agent itself
//! calls 403 or 404 comes out as 500. The text is Nomad's own and stays as it is, but for the words `RPC Error:: 404,` in
//! front of it, which are the lost status.
//!
//! Only answers with status 500 are looked at, so that all others pass as they come.

mod future;
mod layer;

use std::{
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH},
};
use http_body::Body;
use http_body_util::{BodyExt as _, Either, Full, Limited};
use nomad_wire::Route;
use tokio::time::timeout;
use tower_service::Service;

pub use self::layer::StatusFixLayer;
use crate::{Error, layers::select::UpstreamRequest};

/// An answer, as it came or mended.
pub type StatusFixBody<R> = Either<R, Full<Bytes>>;

/// The text of an error has some hundred bytes; what is longer is none.
const MAX_TEXT: usize = 16 << 10;

/// It comes with the head; whoever has begun an error and does not end it is not waited for.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Mends what `inner` answers.
#[derive(Debug, Clone)]
pub struct StatusFix<S> {
    inner: S,
}

impl<S> StatusFix<S> {
    /// Mends the answers of `inner`.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B, R> Service<UpstreamRequest<B>> for StatusFix<S>
where
    S: Service<UpstreamRequest<B>, Response = Response<R>>,
    S::Error: Into<Error>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<StatusFixBody<R>>;
    type Error = Error;
    type Future = future::ResponseFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, resolved: UpstreamRequest<B>) -> Self::Future {
        // A server hides an allocation from those who may not read it by saying 500.
        let is_looked_at = resolved.call.route != Route::Pass
            || Route::decoded_path(resolved.request.uri()).starts_with("/v1/allocation/");
        future::ResponseFuture::new(self.inner.call(resolved), is_looked_at)
    }
}

/// Whether an answer may have to be mended.
fn needs_fix<R: Body>(response: &Response<R>) -> bool {
    response.status() == StatusCode::INTERNAL_SERVER_ERROR
        && !response.headers().contains_key(CONTENT_ENCODING)
        && response.body().size_hint().lower() <= MAX_TEXT as u64
}

/// Reads the text, and gives it its status.
async fn fix_status<R>(response: Response<R>) -> Response<StatusFixBody<R>>
where
    R: Body<Data = Bytes>,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (mut head, body) = response.into_parts();
    let text = timeout(BODY_TIMEOUT, Limited::new(body, MAX_TEXT).collect());
    let Ok(Ok(body)) = text.await else {
        // An error whose text breaks off is an error all the same.
        head.headers.remove(CONTENT_LENGTH);
        return Response::from_parts(head, Either::Right(Full::default()));
    };
    let mut text = body.to_bytes();
    if let Some((status, from)) = implied_status(&String::from_utf8_lossy(&text)) {
        head.status = status;
        text = text.slice(from..);
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    }
    Response::from_parts(head, Either::Right(Full::from(text)))
}

/// The status that a text means, and where the text begins behind it.
fn implied_status(text: &str) -> Option<(StatusCode, usize)> {
    const CODED: &str = "RPC Error:: ";
    if let Some(rest) = text.strip_prefix(CODED) {
        let (code, _) = rest.split_once(',')?;
        let status = StatusCode::from_u16(code.parse().ok()?).ok()?;
        return status.is_client_error().then_some((status, CODED.len() + code.len() + 1));
    }
    let ends_with = |words: &str| text.trim_end().ends_with(words);
    if ["Permission denied", "ACL token not found", "ACL token expired"].into_iter().any(ends_with)
    {
        return Some((StatusCode::FORBIDDEN, 0));
    }
    // The beginning is upper case at agents and lower case at servers, and may stand behind the words of RPC.
    let unknown = text.to_ascii_lowercase().contains("unknown allocation");
    unknown.then_some((StatusCode::NOT_FOUND, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_the_status_should() {
        for (text, status, rest) in [
            ("Permission denied", 403, "Permission denied"),
            ("rpc error: Permission denied", 403, "rpc error: Permission denied"),
            ("ACL token expired", 403, "ACL token expired"),
            ("Unknown allocation \"1\"", 404, "Unknown allocation \"1\""),
            ("rpc error: unknown allocation", 404, "rpc error: unknown allocation"),
            ("RPC Error:: 404,Unknown node \"x\"", 404, "Unknown node \"x\""),
            ("RPC Error:: 403,Permission denied", 403, "Permission denied"),
        ] {
            let (code, from) = implied_status(text).unwrap();
            assert_eq!((code.as_u16(), &text[from..]), (status, rest), "{text}");
        }
        for text in [
            "",
            "RPC Error:: 500,failed",
            "RPC Error:: x,failed",
            "RPC Error:: 404",
            "open /x: permission denied by the driver",
            "No cluster leader",
        ] {
            assert_eq!(implied_status(text), None, "{text}");
        }
    }
}
