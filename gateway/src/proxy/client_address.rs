//! `client_address`: the client's address behind trusted proxies.
//!
//! The listener says who is at the other end of the connection. Where that is a trusted proxy, the client is what the proxy says: the
//! rightmost address that is not a trusted proxy itself. Whatever stands left of it the client could have written, and nobody
//! behind sees it.
//!
//! The result, a [`ForwardedFor`], is among the request's extensions. The access log, the pending limit and the per-client limit
//! read it there, and upstream requests tell it. The headers themselves are removed, so that nothing behind reads them again.

mod forwarded;
mod hops;
mod limit;
mod trusted;

use std::task::{Context, Poll};

use http::{HeaderMap, Request, header::HOST};
use nomad_forward::forward::{ForwardedFor, forwarded as headers};
use tower_service::Service;

use self::hops::Said;
pub use self::{
    limit::{ClientLimit, LimitedBody},
    trusted::{NetworkError, TrustedProxies},
};

/// A mark among a request's extensions: a proxy has relayed the connection for somebody whom it cannot name. What the request says about
/// proxies is that client's own word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnnamedClient;

/// Finds out whose request it is, in front of `S`.
#[derive(Debug, Clone)]
pub struct ClientAddress<S> {
    inner: S,
    trusted: TrustedProxies,
}

impl<S> ClientAddress<S> {
    /// Believes these proxies.
    pub const fn new(inner: S, trusted: TrustedProxies) -> Self {
        Self { inner, trusted }
    }
}

impl<S, B> Service<Request<B>> for ClientAddress<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let is_named = request.extensions().get::<UnnamedClient>().is_none();
        let host = request.headers().get(HOST).cloned();
        let said = request
            .extensions()
            .get::<ForwardedFor>()
            .map(ForwardedFor::peer)
            .filter(|peer| is_named && self.trusted.contains(peer.ip()))
            .map(|peer| Said::by(request.headers(), peer.ip(), &self.trusted));
        headers::remove(request.headers_mut());
        if let Some(forwarded) = request.extensions_mut().get_mut::<ForwardedFor>() {
            let mut named = host;
            if let Some(said) = said {
                let transport = said.transport.unwrap_or_else(|| forwarded.transport());
                *forwarded = ForwardedFor::through(forwarded.peer(), &said.hops, transport);
                named = said.host.or(named);
            }
            forwarded.set_host(named);
        }
        self.inner.call(request)
    }
}

/// How often a header stands there.
fn lines(headers: &HeaderMap, name: &http::HeaderName) -> usize {
    headers.get_all(name).iter().count()
}

#[cfg(test)]
mod tests;
