//! `coalesce`: coalesces identical in-flight blocking queries.
//!
//! A blocking query (`index=`) waits at a server until something changes. A hundred callers who wait for the same with
//! the same rights cost one request here, and one connection:
//!
//! ```text
//!  may it be shared? ── no ─────────────────────────► the request as it is
//!     │ yes
//!     ├── the same is asked already, and no head has come ── wait with the others
//!     └── else ── ask ── head ── alone? ────────────► the answer as it comes
//!                          └── several ── body ─────► to all of them
//!                                          └─ too large, broken ─► to the first; the others ask for themselves
//! ```
//!
//! *The same* is method, path, query (region, namespace, index and wait are in it), token, and what decides about an
//! answer's form (`Accept-Encoding`, `Origin`). Equal rights are told by the same token and by nothing else: of two tokens
//! with the same policies one can expire while the other one waits.
//!
//! Nobody joins once the head of an answer is there, so that nobody gets an answer that was begun before they asked. A
//! caller who leaves leaves the others alone; the last one who leaves ends the request.

mod body;
mod coalesced_requests;
mod future;
mod in_flight;
mod key;
mod layer;
mod outcome;

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::TryFutureExt as _;
use http::Response;
use http_body::Body;
use tower_service::Service;

pub use self::{
    body::CoalesceBody,
    coalesced_requests::{CoalesceLimits, CoalescedRequests},
    layer::CoalesceLayer,
};
use self::{
    in_flight::{CoalesceJoin, InFlightRequests},
    key::CoalesceKey,
};
use crate::{Error, layers::select::UpstreamRequest};

/// Lets equal blocking queries share one request of `S`, whose answers have the body `R`.
pub struct Coalesce<S, R: Body> {
    inner: S,
    coalesced_requests: CoalescedRequests,
    in_flight: Arc<InFlightRequests<R>>,
}

impl<S: Clone, R: Body> Clone for Coalesce<S, R> {
    fn clone(&self) -> Self {
        let (inner, shares) = (self.inner.clone(), self.coalesced_requests.clone());
        Self { inner, coalesced_requests: shares, in_flight: Arc::clone(&self.in_flight) }
    }
}

impl<S: fmt::Debug, R: Body> fmt::Debug for Coalesce<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, coalesced_requests: shares, .. } = self;
        f.debug_struct("Share").field("inner", inner).field("shares", shares).finish()
    }
}

impl<S, R: Body> Coalesce<S, R> {
    /// CoalescedRequests the requests of `inner` within these bounds. Clones share with each other.
    pub fn new(inner: S, shares: CoalescedRequests) -> Self {
        Self { inner, coalesced_requests: shares, in_flight: Arc::new(InFlightRequests::default()) }
    }
}

impl<S, B, R> Service<UpstreamRequest<B>> for Coalesce<S, R>
where
    S: Service<UpstreamRequest<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<Error>,
    S::Future: Send + 'static,
    B: Send + 'static,
    R: Body<Data = Bytes> + Send + Unpin + 'static,
    R::Error: Send,
{
    type Response = Response<CoalesceBody<R>>;
    type Error = Error;
    type Future = future::ResponseFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, resolved: UpstreamRequest<B>) -> Self::Future {
        let key = if self.coalesced_requests.is_disabled() {
            None
        } else {
            CoalesceKey::from_request(&resolved)
        };
        let Some(key) = key else {
            return future::ResponseFuture::uncoalesced(self.inner.call(resolved));
        };
        let inner = &mut self.inner;
        match self.in_flight.join(key, &self.coalesced_requests, resolved, |resolved| {
            inner.call(resolved).map_err(Into::into)
        }) {
            CoalesceJoin::First(flight, first) => {
                future::ResponseFuture::coalesced(Box::pin(flight.wait_as_first(first)))
            }
            CoalesceJoin::Joined(flight, resolved) => {
                // Who waits for another one's answer must not hold what the inner service keeps for a request.
                let mut inner = self.inner.clone();
                self.inner = inner.clone();
                future::ResponseFuture::coalesced(Box::pin(async move {
                    match flight.wait().await {
                        Some(answer) => answer,
                        None => {
                            poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Into::into)?;
                            let answer = inner.call(resolved).await.map_err(Into::into)?;
                            Ok(answer.map(CoalesceBody::exclusive))
                        }
                    }
                }))
            }
            CoalesceJoin::Full(resolved) => {
                future::ResponseFuture::uncoalesced(self.inner.call(resolved))
            }
        }
    }
}
