//! One accepted connection: its PROXY header, the per-client limit, TLS, then HTTP.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use http::{Request, Response};
use nomad_forward::Transport;
use tokio::{net::TcpStream, time::Instant};
use tower_service::Service;

use super::{
    IncomingBody,
    head_rewriter::LargeHeads,
    http1, http2,
    per_client_limit::{PerClientLimit, Permit},
    proxy_protocol::{Headers, Origin, Source},
};
use crate::{
    Shutdown,
    proxy::client_address::TrustedProxies,
    server::tls::{self, Acceptor},
};

/// What all connections of a listener have in common.
#[derive(Debug)]
pub(super) struct ConnectionSettings {
    pub(super) per_client_limit: PerClientLimit,
    pub(super) heads: LargeHeads,
    pub(super) tls: Option<Acceptor>,
    pub(super) trusted: TrustedProxies,
    pub(super) headers: Option<Headers>,
}

/// Whether a connection may stay.
pub(super) enum Admission {
    /// Its PROXY header, which is still to come, says whose it is.
    HeaderPending,
    /// It may.
    Allowed(Allowed),
    /// Its client has as many as it may have.
    Refused,
}

/// A connection that may stay.
pub(super) struct Allowed(
    #[expect(dead_code, reason = "dropping it gives the place back")] Option<Permit>,
);

impl ConnectionSettings {
    /// Whether a connection may stay, as far as its peer tells. To be asked in the order of arrival, so that who comes
    /// first is served.
    pub(super) fn admit_peer(&self, peer: SocketAddr) -> Admission {
        if self.headers.is_some() {
            return Admission::HeaderPending;
        }
        match self.admit(peer.ip()) {
            Some(allowed) => Admission::Allowed(allowed),
            None => Admission::Refused,
        }
    }

    /// Serves a connection to its end.
    pub(super) async fn serve<S, R>(
        self: Arc<Self>,
        mut stream: TcpStream,
        (peer, admission): (SocketAddr, Admission),
        service: S,
        mut stop: Shutdown,
    ) where
        S: Service<Request<IncomingBody>, Response = Response<R>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
        R: http_body::Body<Data = Bytes> + Send + 'static,
        R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let since = Instant::now();
        let origin = tokio::select! {
            origin = self.origin(&mut stream, peer, since) => origin,
            () = stop.drain_started() => return,
        };
        let Some(origin) = origin else { return };
        let allowed = match admission {
            Admission::HeaderPending => self.admit(origin.client.client()),
            Admission::Allowed(allowed) => Some(allowed),
            Admission::Refused => None,
        };
        let Some(_allowed) = allowed else {
            return self.per_client_limit.refuse(stream, self.tls.clone()).await;
        };
        // A frame is worth more early than bundled with the next one. A socket that cannot do it still serves.
        drop(stream.set_nodelay(true));
        let source = http1::Source { origin, heads: self.heads.clone() };
        let Some(tls) = &self.tls else { return http1::serve(stream, source, service, stop).await };
        let accepted = tokio::select! {
            accepted = tls.accept(stream, source.origin.client.client(), since) => accepted,
            () = stop.drain_started() => return,
        };
        match accepted {
            // On the heap, or every plain connection would be as large as one with TLS.
            Ok(stream) if tls::is_http2(&stream) => {
                Box::pin(http2::serve(stream, source.origin, service, stop)).await;
            }
            Ok(stream) => Box::pin(http1::serve(stream, source, service, stop)).await,
            Err(error) => tracing::debug!(error = %error, "no TLS with a caller"),
        }
    }

    /// Whose connection it is; nothing where that must be said and is not.
    async fn origin(
        &self,
        stream: &mut TcpStream,
        peer: SocketAddr,
        since: Instant,
    ) -> Option<Origin> {
        let source = match &self.headers {
            None => Source::Proxy,
            // On the heap, or every connection would be as large as one with a header.
            Some(headers) => match Box::pin(headers.read(stream, peer, since)).await {
                Ok(source) => source,
                Err(error) => {
                    tracing::debug!(%peer, error = %error, "connection refused");
                    return None;
                }
            },
        };
        let transport = if self.tls.is_some() { Transport::Tls } else { Transport::Plain };
        Some(Origin::new(peer, source, transport))
    }

    /// A trusted proxy has many clients: their requests are counted in place of its connections.
    fn admit(&self, client: IpAddr) -> Option<Allowed> {
        if self.trusted.contains(client) {
            return Some(Allowed(None));
        }
        self.per_client_limit.try_acquire(client).map(|guest| Allowed(Some(guest)))
    }
}
