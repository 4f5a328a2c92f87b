//! TRACE: a name for every request, and a log line for every answer.

mod future;

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderValue, Request, Response};
use nomad_wire::header::X_REQUEST_ID;
use tower_service::Service;

/// The longest request id that is taken over from a caller; longer ones are replaced.
const MAX_CALLERS_ID: usize = 128;

/// Names requests and logs answers. The query stays out of the log: values in it may be somebody's secret.
#[derive(Debug, Clone)]
pub struct Trace<S> {
    inner: S,
    ids: RequestIds,
}

impl<S> Trace<S> {
    /// Traces `inner`.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self { inner, ids: RequestIds::new() }
    }
}

impl<S, B, R> Service<Request<B>> for Trace<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = future::ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let id = self.ids.name(request.headers_mut());
        let line = tracing::enabled!(tracing::Level::DEBUG).then(|| future::Line::of(&request));
        future::ResponseFuture::new(self.inner.call(request), id, line)
    }
}

/// Ids that no two requests of this process share, and hardly any two of different ones.
#[derive(Debug, Clone)]
struct RequestIds {
    process: u64,
    next: Arc<AtomicU64>,
}

impl RequestIds {
    fn new() -> Self {
        // The standard library seeds its hashers from the system's random numbers.
        Self { process: RandomState::new().hash_one(0), next: Arc::default() }
    }

    /// The caller's id when it sent one, else a new one, which is put into the headers.
    fn name(&self, headers: &mut HeaderMap) -> HeaderValue {
        match headers.get(X_REQUEST_ID) {
            Some(id) if !id.is_empty() && id.len() <= MAX_CALLERS_ID => id.clone(),
            _ => {
                let id = self.fresh();
                headers.insert(X_REQUEST_ID, id.clone());
                id
            }
        }
    }

    fn fresh(&self) -> HeaderValue {
        // Written where it needs no allocation but the value's own, and without the machinery of formatting.
        let mut id = *b"0000000000000000-0000000000000000";
        put_hex(&mut id[..16], self.process);
        put_hex(&mut id[17..], self.next.fetch_add(1, Ordering::Relaxed));
        let id = HeaderValue::from_bytes(&id);
        id.unwrap_or(HeaderValue::from_static("none"))
    }
}

/// The last sixteen digits of a number.
fn put_hex(into: &mut [u8], mut number: u64) {
    for digit in into.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_id_is_kept_and_a_missing_one_is_made() {
        let ids = RequestIds::new();
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, HeaderValue::from_static("mine"));
        assert_eq!(ids.name(&mut headers), "mine");
        let mut headers = HeaderMap::new();
        let made = ids.name(&mut headers);
        assert_eq!(headers[X_REQUEST_ID], made);
        assert_ne!(ids.name(&mut HeaderMap::new()), made);
        let expected = format!("{:016x}-{:016x}", ids.process, 2);
        assert_eq!(ids.fresh(), expected);
    }
}
