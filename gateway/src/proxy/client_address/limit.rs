//! `client_limit`: bounds the requests in flight of one client behind trusted proxies.
//!
//! A client's own connections are counted by the listener. Those of a proxy say nothing about its clients, so that there a request
//! counts as what a connection is elsewhere, from its head to the end of its response or of its tunnel.

use std::{
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Either, Full};
use nomad_forward::{forward::ForwardedFor, upgrade::TunnelStats};
use nomad_wire::HttpError;
use pin_project::pin_project;
use tower_service::Service;

use super::TrustedProxies;
use crate::{
    proxy::response_future,
    server::limiter::{Limiter, Permit},
};

/// What Nomad says to a client with too many connections.
const REFUSAL: &str =
    "Your IP is issuing too many concurrent connections, please rate limit your calls\n";

/// Bounds the requests of each client behind trusted proxies, in front of `S`.
#[derive(Debug, Clone)]
pub struct ClientLimit<S> {
    inner: S,
    trusted: TrustedProxies,
    places: Option<Limiter>,
}

impl<S> ClientLimit<S> {
    /// Allows each client so many requests at once; any number if 0.
    pub fn new(inner: S, trusted: TrustedProxies, each: usize) -> Self {
        let is_bounded = each > 0 && !trusted.is_empty();
        Self { inner, trusted, places: is_bounded.then(|| Limiter::new(each, usize::MAX)) }
    }

    /// The place of a request that needs one, or the news that there is none.
    fn place(&self, client: Option<&ForwardedFor>) -> Result<Option<Permit>, IpAddr> {
        let (Some(places), Some(client)) = (&self.places, client) else { return Ok(None) };
        if !self.trusted.contains(client.peer().ip()) {
            return Ok(None);
        }
        let client = client.client();
        places.try_acquire(client).map(Some).map_err(|_full| client)
    }
}

impl<S, B, R> Service<Request<B>> for ClientLimit<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    R: 'static,
{
    type Response = Response<Either<LimitedBody<R>, Full<Bytes>>>;
    type Error = Infallible;
    type Future = response_future::ResponseFuture<
        ResponseFuture<S::Future>,
        LimitedBody<R>,
        Full<Bytes>,
        Infallible,
    >;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.place(request.extensions().get()) {
            Ok(place) => {
                let inner = self.inner.call(request);
                response_future::ResponseFuture::inner(ResponseFuture { inner, place })
            }
            Err(client) => response_future::ResponseFuture::boxed(async move {
                tracing::debug!(%client, "a client behind a proxy has too many requests");
                let refusal = HttpError::new(StatusCode::TOO_MANY_REQUESTS, REFUSAL);
                Ok(refusal.into_response().map(Either::Right))
            }),
        }
    }
}

/// The response, with the place of its request.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    inner: F,
    place: Option<Permit>,
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<LimitedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(tally) = response.extensions().get::<TunnelStats>().cloned()
            && let Some(place) = this.place.take()
        {
            tokio::spawn(async move {
                tally.closed().await;
                drop(place);
            });
        }
        let place = this.place.take();
        Poll::Ready(Ok(response.map(|inner| LimitedBody { inner, place })))
    }
}

/// A response's body, which holds the place of its request.
#[pin_project]
#[derive(Debug)]
pub struct LimitedBody<R> {
    #[pin]
    inner: R,
    place: Option<Permit>,
}

impl<R: Body<Data = Bytes>> Body for LimitedBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(cx));
        if frame.is_none() {
            *this.place = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
