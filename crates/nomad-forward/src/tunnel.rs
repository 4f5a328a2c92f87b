//! TUNNEL: connections that stop speaking HTTP, joined byte for byte.
//!
//! ```text
//!  caller ── upgrade, token in a header ──► the chain decides ──► agent: 101 ──► joined
//!  caller ── upgrade, ws_handshake=true ──► 101 from here ──► first message ──► the chain decides with its token
//!                                                                ├─ agent: 101 ──► the message again, joined
//!                                                                └─ no ──────────► close frame
//! ```
//!
//! Only `exec` and the calls of servers may be upgraded; Nomad upgrades any call and then has nothing to say on it. An
//! agent that refuses answers as to any other request. What comes out of a tunnel is never read here, but for the
//! first message of a caller who has no other way to show a token.

mod close;
mod first;
mod future;
mod handshake;
mod join;
mod request;
mod tunnels;

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::RETRY_AFTER};
use http_body::Body;
use nomad_wire::Fault;
use tower_service::Service;

use self::request::Wish;
pub use self::tunnels::{Tally, Tunnels};

/// A tunnel may begin with this request; without this mark FORWARD keeps upgrades to itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upgradeable;

/// Lets callers upgrade their connection through to an agent. Stands around the whole chain, errors included.
#[derive(Debug, Clone)]
pub struct Tunnel<S> {
    inner: S,
    tunnels: Tunnels,
}

impl<S> Tunnel<S> {
    /// Tunnels for `inner`; `tunnels` bounds, counts and ends them.
    pub const fn new(inner: S, tunnels: Tunnels) -> Self {
        Self { inner, tunnels }
    }
}

impl<S, B, R> Service<Request<B>> for Tunnel<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Body + From<Bytes> + Send + 'static,
    R::Data: Send,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<R>;
    type Error = Infallible;
    type Future = future::ResponseFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let wish = match Wish::of(&mut request) {
            Wish::Nothing => return future::ResponseFuture::passing(self.inner.call(request)),
            Wish::OtherOrigin => return future::ResponseFuture::here(other_origin()),
            wish => wish,
        };
        let Some(passage) = self.tunnels.enter() else {
            return future::ResponseFuture::here(full());
        };
        request.extensions_mut().insert(Upgradeable);
        let caller = hyper::upgrade::on(&mut request);
        match wish {
            Wish::Handshake { accept } => {
                let answer = handshake::switching(accept, &passage);
                let chain = self.inner.clone();
                tokio::spawn(handshake::serve(chain, request, caller, passage));
                future::ResponseFuture::here(answer)
            }
            _ => future::ResponseFuture::joining(self.inner.call(request), caller, passage),
        }
    }
}

/// Pages of other sites must not open a shell with a token that the browser adds; agents refuse them with the same
/// status.
fn other_origin<R: From<Bytes>>() -> Response<R> {
    Fault::new(StatusCode::FORBIDDEN, "request origin not allowed").into_response()
}

fn full<R: From<Bytes>>() -> Response<R> {
    let text = "too many websockets are open at this gateway";
    let mut response = Fault::new(StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}
