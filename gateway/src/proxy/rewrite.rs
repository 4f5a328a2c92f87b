//! `rewrite`: puts the gateway's address where a response names a node's.
//!
//! Nomad's own clients read a node's `HTTPAddr` and dial it for logs, files and exec, for a second and in vain where
//! callers cannot reach nodes. A blank address makes them come back at once; the gateway's own makes web pages come
//! back too.
//!
//! Rewritten are `GET /v1/node/:id` and events about nodes, each at its two places: `HTTPAddr` and the attribute
//! `unique.advertise.address`. Lists of nodes have no address that anybody could dial: an IP without its port.

mod events;
mod json;

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HOST},
};
use http_body_util::{BodyExt as _, Either, Full, Limited};
use nomad_forward::Transport;
use nomad_wire::Route;
use tower_service::Service;

use self::events::EventsBody;
use crate::proxy::response_future::ResponseFuture;

/// What becomes of a node's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "an address is told, hidden, or replaced")]
pub enum HttpAddrMode {
    /// It is told.
    #[default]
    Off,
    /// It is hidden.
    Blank,
    /// It is the gateway's own: the host that the caller asked.
    Gateway,
}

/// The description of a node has some hundred kilobytes at most.
const MAX_NODE: usize = 16 << 20;

/// Rewrites what `inner` answers about nodes.
#[derive(Debug, Clone)]
pub struct Rewrite<S> {
    inner: S,
    http_addr_mode: HttpAddrMode,
    transport: Transport,
}

/// What is said of a node instead: an address, and what is spoken there.
#[derive(Debug, Clone)]
struct AdvertisedAddress {
    address: String,
    transport: Transport,
}

impl AdvertisedAddress {
    /// What `TLSEnabled` says; nothing is said of an address that nobody dials.
    fn tls_enabled(&self) -> Option<&'static str> {
        let spoken = if self.transport == Transport::Tls { "true" } else { "false" };
        (!self.address.is_empty()).then_some(spoken)
    }

    #[cfg(test)]
    fn with_plain_http(address: &str) -> Self {
        Self { address: address.to_owned(), transport: Transport::Plain }
    }
}

impl<S> Rewrite<S> {
    /// Rewrites the answers of `inner`, for a gateway to which callers speak so.
    pub const fn new(inner: S, address: HttpAddrMode, speaks: Transport) -> Self {
        Self { inner, http_addr_mode: address, transport: speaks }
    }

    /// What the address is replaced with; `None` when nothing is.
    fn replacement<B>(&self, request: &Request<B>) -> Option<(NodeResponse, AdvertisedAddress)> {
        if self.http_addr_mode == HttpAddrMode::Off || request.method() != Method::GET {
            return None;
        }
        let answer = NodeResponse::from_path(&Route::decoded_path(request.uri()))?;
        let address = match self.http_addr_mode {
            HttpAddrMode::Off => return None,
            HttpAddrMode::Blank => String::new(),
            HttpAddrMode::Gateway => {
                let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
                host?.to_owned()
            }
        };
        Some((answer, AdvertisedAddress { address, transport: self.transport }))
    }
}

/// In which form addresses stand in an answer.
#[derive(Debug, Clone, Copy)]
enum NodeResponse {
    /// One node.
    Node,
    /// Lines of events.
    Events,
}

impl NodeResponse {
    /// `/v1/node/:id` and nothing below it, and the event stream.
    fn from_path(path: &str) -> Option<Self> {
        let is_node = |path: &str| {
            path.strip_prefix("/v1/node/").is_some_and(|id| !id.is_empty() && !id.contains('/'))
        };
        match path {
            "/v1/event/stream" => Some(Self::Events),
            path if is_node(path) => Some(Self::Node),
            _ => None,
        }
    }
}

/// A stream of events, or a node, as it is told.
pub type RewrittenBody<R> = Either<EventsBody<R>, Full<Bytes>>;

/// The answer, as it came or rewritten.
type RewriteBody<R> = Either<R, RewrittenBody<R>>;

impl<S, B, R> Service<Request<B>> for Rewrite<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    S::Future: Send + 'static,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<RewriteBody<R>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future, R, RewrittenBody<R>, Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Some((form, shown)) = self.replacement(&request) else {
            return ResponseFuture::inner(self.inner.call(request));
        };
        // What is compressed cannot be rewritten.
        request.headers_mut().remove(ACCEPT_ENCODING);
        let answer = self.inner.call(request);
        ResponseFuture::boxed(async move { Ok(rewrite_response(answer.await?, form, shown).await) })
    }
}

fn full_body<R>(body: impl Into<Bytes>) -> RewriteBody<R> {
    Either::Right(Either::Right(Full::new(body.into())))
}

async fn rewrite_response<R>(
    response: Response<R>,
    form: NodeResponse,
    shown: AdvertisedAddress,
) -> Response<RewriteBody<R>>
where
    R: http_body::Body<Data = Bytes>,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if response.status() != StatusCode::OK || response.headers().contains_key(CONTENT_ENCODING) {
        return response.map(Either::Left);
    }
    if matches!(form, NodeResponse::Events) {
        let mut response =
            response.map(|body| Either::Right(Either::Left(EventsBody::new(body, shown))));
        response.headers_mut().remove(CONTENT_LENGTH);
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(body) = Limited::new(body, MAX_NODE).collect().await else {
        let mut broken = Response::new(full_body("the agent's answer broke off"));
        *broken.status_mut() = StatusCode::BAD_GATEWAY;
        return broken;
    };
    let body = json::replace_address(body.to_bytes(), &shown);
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(head, full_body(body))
}
