//! SHARE: who waits for the same gets it from one request.
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
mod flight;
mod future;
mod key;
mod layer;
mod outcome;
mod shares;

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
    body::SharedBody,
    layer::ShareLayer,
    shares::{ShareLimits, Shares},
};
use self::{
    flight::{Boarded, Flights},
    key::Key,
};
use crate::{Error, resolve::Resolved};

/// Lets equal blocking queries share one request of `S`, whose answers have the body `R`.
pub struct Share<S, R: Body> {
    inner: S,
    shares: Shares,
    flights: Arc<Flights<R>>,
}

impl<S: Clone, R: Body> Clone for Share<S, R> {
    fn clone(&self) -> Self {
        let (inner, shares) = (self.inner.clone(), self.shares.clone());
        Self { inner, shares, flights: Arc::clone(&self.flights) }
    }
}

impl<S: fmt::Debug, R: Body> fmt::Debug for Share<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, shares, .. } = self;
        f.debug_struct("Share").field("inner", inner).field("shares", shares).finish()
    }
}

impl<S, R: Body> Share<S, R> {
    /// Shares the requests of `inner` within these bounds. Clones share with each other.
    pub fn new(inner: S, shares: Shares) -> Self {
        Self { inner, shares, flights: Arc::new(Flights::default()) }
    }
}

impl<S, B, R> Service<Resolved<B>> for Share<S, R>
where
    S: Service<Resolved<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<Error>,
    S::Future: Send + 'static,
    B: Send + 'static,
    R: Body<Data = Bytes> + Send + Unpin + 'static,
    R::Error: Send,
{
    type Response = Response<SharedBody<R>>;
    type Error = Error;
    type Future = future::ResponseFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, resolved: Resolved<B>) -> Self::Future {
        let key = if self.shares.is_off() { None } else { Key::of(&resolved) };
        let Some(key) = key else {
            return future::ResponseFuture::own(self.inner.call(resolved));
        };
        let inner = &mut self.inner;
        match self
            .flights
            .board(key, &self.shares, resolved, |resolved| inner.call(resolved).map_err(Into::into))
        {
            Boarded::First(flight, first) => {
                future::ResponseFuture::shared(Box::pin(flight.first(first)))
            }
            Boarded::Joined(flight, resolved) => {
                // Who waits for another one's answer must not hold what the inner service keeps for a request.
                let mut inner = self.inner.clone();
                self.inner = inner.clone();
                future::ResponseFuture::shared(Box::pin(async move {
                    match flight.landed().await {
                        Some(answer) => answer,
                        None => {
                            poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Into::into)?;
                            let answer = inner.call(resolved).await.map_err(Into::into)?;
                            Ok(answer.map(SharedBody::own))
                        }
                    }
                }))
            }
            Boarded::Full(resolved) => future::ResponseFuture::own(self.inner.call(resolved)),
        }
    }
}
