//! `upgrade`: tunnels connections that stop speaking HTTP.
//!
//! ```text
//!  caller ── upgrade, token in a header ──► the chain decides ──► agent: 101 ──► joined
//!                                                        └─ no, to a command ──► 101 from here ──► close frame
//!  caller ── upgrade, ws_handshake=true ──► 101 from here ──► first message ──► the chain decides with its token
//!                                                                ├─ agent: 101 ──► the message again, joined
//!                                                                └─ no ──────────► close frame
//! ```
//!
//! A page that watches (`nomad-watcher`, Nomad 2.0.6) asks an ordinary question over a websocket. It is asked as one, so that all
//! that is done for questions is done for these too, and the answer becomes the message that a server of 2.0.6 sends.
//!
//! Only `exec` and the calls of servers may be upgraded; Nomad upgrades any call and then has nothing to say on it. An
//! server that refuses answers as to any other request, but for commands (`exec`, a job's action): Nomad opens their websocket
//! before it decides, and a close frame is the only refusal that a browser or the command line can show. What comes out of a tunnel is never read here, but for the
//! first message of a caller who has no other way to show a token.

mod close_frame;
mod copy;
mod first_message;
mod future;
mod handshake;
mod refusal;
mod tunnels;
mod upgrade_kind;
mod watch;

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::RETRY_AFTER};
use http_body::Body;
use http_body_util::{Either, Full};
use hyper::upgrade::OnUpgrade;
use nomad_wire::HttpError;
use tower_service::Service;
use tracing::Instrument as _;

use self::{future::PendingUpgrade, upgrade_kind::UpgradeKind};
pub use self::{
    tunnels::{TunnelStats, Tunnels},
    upgrade_kind::announces_handshake,
};

/// An answer as it came, or one that was made here.
pub type UpgradeBody<R> = Either<R, Full<Bytes>>;

/// A tunnel may begin with this request; without this mark FORWARD keeps upgrades to itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upgradeable;

/// Lets callers upgrade their connection through to an agent. Stands around the whole chain, errors included.
#[derive(Debug, Clone)]
pub struct Upgrade<S> {
    inner: S,
    tunnels: Tunnels,
}

impl<S> Upgrade<S> {
    /// Tunnels for `inner`; `tunnels` bounds, counts and ends them.
    pub const fn new(inner: S, tunnels: Tunnels) -> Self {
        Self { inner, tunnels }
    }
}

/// Lets a tunnel begin with the request; what is returned is the caller's side of it.
fn upgradeable<B>(request: &mut Request<B>) -> OnUpgrade {
    request.extensions_mut().insert(Upgradeable);
    hyper::upgrade::on(request)
}

impl<S, B, R> Service<Request<B>> for Upgrade<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<UpgradeBody<R>>;
    type Error = Infallible;
    type Future = future::ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match UpgradeKind::from_request(&mut request) {
            UpgradeKind::None => future::ResponseFuture::passing(self.inner.call(request)),
            UpgradeKind::CrossOrigin => future::ResponseFuture::responding(cross_origin_response()),
            UpgradeKind::Handshake { accept } => {
                let Some(passage) = self.tunnels.wait() else {
                    return future::ResponseFuture::responding(tunnel_limit_response());
                };
                let caller = upgradeable(&mut request);
                let answer = refusal::switching_protocols(accept, &passage);
                let chain = self.inner.clone();
                tokio::spawn(handshake::serve(chain, request, caller, passage).in_current_span());
                future::ResponseFuture::responding(answer)
            }
            UpgradeKind::Watch { accept, token_in_message: has_late_token } => {
                let tunnels = &self.tunnels;
                let passage = if has_late_token { tunnels.wait() } else { tunnels.try_acquire() };
                let Some(passage) = passage else {
                    return future::ResponseFuture::responding(tunnel_limit_response());
                };
                let (caller, chain) = (hyper::upgrade::on(&mut request), self.inner.clone());
                let answer = watch::switching_protocols(accept, &passage);
                let watch = watch::serve(chain, request, has_late_token, caller, passage);
                tokio::spawn(watch.in_current_span());
                future::ResponseFuture::responding(answer)
            }
            UpgradeKind::Passthrough { accept } => {
                let Some(passage) = self.tunnels.try_acquire() else {
                    return future::ResponseFuture::responding(tunnel_limit_response());
                };
                let caller = upgradeable(&mut request);
                let answer = self.inner.call(request);
                future::ResponseFuture::upgrading(
                    answer,
                    PendingUpgrade { client: caller, permit: passage, accept },
                )
            }
        }
    }
}

/// Pages of other sites must not open a shell with a token that the browser adds; agents refuse them with the same
/// status.
fn cross_origin_response() -> Response<Full<Bytes>> {
    HttpError::new(StatusCode::FORBIDDEN, "request origin not allowed").into_response()
}

fn tunnel_limit_response() -> Response<Full<Bytes>> {
    let text = "too many websockets are open at this gateway";
    let fault = HttpError::new(StatusCode::SERVICE_UNAVAILABLE, text);
    let mut response: Response<Full<Bytes>> = fault.into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}
