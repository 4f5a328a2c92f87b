//! `invalid_head`: responses to request heads that cannot be served.
//!
//! HTTP/1.1 callers alone: a malformed request of HTTP/2 is reset by the library.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CONNECTION, RETRY_AFTER},
};
use http_body_util::Full;
use nomad_wire::HttpError;
use thiserror::Error;
use tower_service::Service;

use crate::proxy::response_future::ResponseFuture;

/// The longest request target. The type that everything behind works with (`http::Uri`) holds no longer one.
pub(crate) const MAX_URI: usize = 65_534;

/// Header lines of a request. Room for them is made for each request, so that it cannot be any number.
pub(crate) const MAX_HEADERS: usize = 512;

/// A head in all: as much as Nomad reads.
pub(crate) const MAX_HEAD: usize = 1 << 20;

/// Seconds after which a head finds room again: most come whole within a moment.
const RETRY: HeaderValue = HeaderValue::from_static("5");

/// Why a request's head is refused.
///
/// It stands among the extensions of a request that is made in the refused one's place, whose path and method are for the
/// log alone. Whoever answers it puts it among the extensions of the answer; else the listener answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Invalid {
    /// It is no head of HTTP. Go's server says no more than this.
    #[error("400 Bad Request")]
    Malformed,
    /// HTTP/1.1 demands one.
    #[error("400 Bad Request: missing required Host header")]
    MissingHost,
    /// Two readers could take different ones.
    #[error("400 Bad Request: too many Host headers")]
    MultipleHosts,
    /// It names no host.
    #[error("400 Bad Request: malformed Host header")]
    InvalidHost,
    /// Another version of HTTP.
    #[error("505 HTTP Version Not Supported: unsupported protocol version")]
    UnsupportedVersion,
    /// A body that is coded otherwise than in chunks.
    #[error("Unsupported transfer encoding")]
    UnsupportedTransferCoding,
    /// What stands between method and version is too long.
    #[error(
        "URI too long: more than {MAX_URI} bytes; a long command had better be a file of the task, or come over its \
         standard input"
    )]
    UriTooLong,
    /// Too many lines.
    #[error("Request Header Fields Too Large: more than {MAX_HEADERS} header lines")]
    TooManyHeaders,
    /// Too long in all.
    #[error("Request Header Fields Too Large: more than {MAX_HEAD} bytes")]
    HeadTooLarge,
    /// Its bytes have no room beside those of other heads that its address is sending.
    #[error("too many large request headers are being sent from your address")]
    LargeHeadsOfAddress,
    /// The same, with those of all addresses.
    #[error("too many large request headers are being sent to this gateway")]
    LargeHeads,
}

impl Invalid {
    const fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::MissingHost | Self::MultipleHosts | Self::InvalidHost => {
                StatusCode::BAD_REQUEST
            }
            Self::UnsupportedVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::UnsupportedTransferCoding => StatusCode::NOT_IMPLEMENTED,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::TooManyHeaders | Self::HeadTooLarge => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::LargeHeadsOfAddress => StatusCode::TOO_MANY_REQUESTS,
            Self::LargeHeads => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The answer, which is the last one of its connection: where the next request begins is not known.
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = HttpError::new(self.status(), self.to_string()).into_response();
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        match self {
            Self::LargeHeadsOfAddress | Self::LargeHeads => {
                response.headers_mut().insert(RETRY_AFTER, RETRY);
            }
            Self::Malformed
            | Self::MissingHost
            | Self::MultipleHosts
            | Self::InvalidHost
            | Self::UnsupportedVersion
            | Self::UnsupportedTransferCoding
            | Self::UriTooLong
            | Self::TooManyHeaders
            | Self::HeadTooLarge => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Answers refused requests, and hands all others on.
#[derive(Debug, Clone)]
pub(crate) struct InvalidHead<S> {
    inner: S,
}

impl<S> InvalidHead<S> {
    pub(crate) const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B, R> Service<Request<B>> for InvalidHead<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    S::Future: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<http_body_util::Either<R, Full<Bytes>>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future, R, Full<Bytes>, Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match request.extensions().get::<Invalid>().copied() {
            None => ResponseFuture::inner(self.inner.call(request)),
            Some(refused) => ResponseFuture::boxed(async move {
                Ok(refused.into_response().map(http_body_util::Either::Right))
            }),
        }
    }
}
