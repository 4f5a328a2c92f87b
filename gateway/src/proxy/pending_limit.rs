//! `pending_limit`: bounds uploads and websocket handshakes that are not authorized yet, so that they cannot keep others out.
//!
//! An upload whose caller has shown no token that is known, and a websocket whose token comes in its first message, cost
//! nothing to begin. Of each there may be so many at once, for every caller's address and in all. A request leaves the count
//! as soon as its token is known. Where the limit is reached, a request that shows a token is refused only if that token
//! is unknown: others cannot use up what a token holder needs.

mod body;

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{RETRY_AFTER, UPGRADE},
};
use http_body::Body;
use http_body_util::{Either, Full};
use nomad_acl::{TokenInfoSlot, Tokens, resolve_request_token};
use nomad_forward::{forward::ForwardedFor, upgrade::announces_handshake};
use nomad_wire::HttpError;
use tower_service::Service;

pub use self::body::PendingLimitBody;
use crate::{
    proxy::response_future::ResponseFuture,
    server::limiter::{self, Limiter, Permit},
};

/// Uploads and handshakes of one address: several times as many connections as Nomad allows it.
const MAX_PER_CLIENT: usize = 256;

/// In all: four addresses that do their worst, and little memory.
const MAX_TOTAL: usize = 1024;

/// Seconds after which it can be tried again: what stands still ends after some more.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Bounds pending work in front of `S`; `T` knows the tokens.
#[derive(Debug, Clone)]
pub struct PendingLimit<S, T> {
    inner: S,
    tokens: T,
    uploads: Limiter,
    handshakes: Limiter,
}

impl<S, T> PendingLimit<S, T> {
    /// Stands before `inner`, and asks `tokens` about a request's token where a limit is reached.
    pub fn new(inner: S, tokens: T) -> Self {
        Self {
            inner,
            tokens,
            uploads: Limiter::new(MAX_PER_CLIENT, MAX_TOTAL),
            handshakes: Limiter::new(MAX_PER_CLIENT, MAX_TOTAL),
        }
    }
}

/// A handshake's place, among the extensions of its request: it lives as long as the request is not decided.
#[derive(Debug, Clone)]
struct HandshakePermit(
    #[expect(dead_code, reason = "dropping it gives the place back")] Arc<Permit>,
);

impl<S, T, B, R> Service<Request<B>> for PendingLimit<S, T>
where
    S: Service<Request<PendingLimitBody<B>>, Response = Response<R>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    T: Tokens,
    B: Body<Data = Bytes> + Send + 'static,
    R: 'static,
{
    type Response = Response<Either<R, Full<Bytes>>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future, R, Full<Bytes>, Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Some(address) = request.extensions().get::<ForwardedFor>().map(ForwardedFor::client)
        else {
            return ResponseFuture::inner(
                self.inner.call(request.map(PendingLimitBody::without_permit)),
            );
        };
        match self.acquire(&mut request, address) {
            Ok(held) => ResponseFuture::inner(self.inner.call(request.map(|body| match held {
                Some((place, slip)) => PendingLimitBody::with_permit(body, place, slip),
                None => PendingLimitBody::without_permit(body),
            }))),
            Err(full) => self.call_if_known(request, full),
        }
    }
}

impl<S, T> PendingLimit<S, T> {
    /// Serves a request for which no place is left if its token is known.
    fn call_if_known<B, R>(
        &mut self,
        request: Request<B>,
        full: limiter::LimitReached,
    ) -> ResponseFuture<S::Future, R, Full<Bytes>, Infallible>
    where
        S: Service<Request<PendingLimitBody<B>>, Response = Response<R>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
        T: Tokens,
        B: Send + 'static,
        R: 'static,
    {
        let Some(acl) = resolve_request_token(&self.tokens, &request) else {
            return ResponseFuture::boxed(
                async move { Ok(limit_response(full).map(Either::Right)) },
            );
        };
        // The clone is the one that was not polled ready, so it is the one that stays.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        ResponseFuture::boxed(async move {
            // Without ACLs, or where the agents decide, every token resolves and none is known.
            if !acl.await.is_ok_and(|acl| acl.token_info().is_some()) {
                return Ok(limit_response(full).map(Either::Right));
            }
            let request = request.map(PendingLimitBody::without_permit);
            inner.call(request).await.map(|response| response.map(Either::Left))
        })
    }

    /// The place that a request needs, if it needs one.
    fn acquire<B: Body>(
        &self,
        request: &mut Request<B>,
        address: IpAddr,
    ) -> Result<Option<(Permit, TokenInfoSlot)>, limiter::LimitReached> {
        if is_handshake(request) {
            let place = self.handshakes.try_acquire(address)?;
            request.extensions_mut().insert(HandshakePermit(Arc::new(place)));
        }
        if request.body().is_end_stream() {
            return Ok(None);
        }
        let place = self.uploads.try_acquire(address)?;
        // The access log may want to know, too, whose token it was.
        let slip = request.extensions_mut().get_or_insert_default::<TokenInfoSlot>().clone();
        Ok(Some((place, slip)))
    }
}

/// Whether the token may come later, over a websocket.
fn is_handshake<B>(request: &Request<B>) -> bool {
    request.headers().contains_key(UPGRADE) && announces_handshake(request)
}

fn limit_response(full: limiter::LimitReached) -> Response<Full<Bytes>> {
    let (status, text) = match full {
        limiter::LimitReached::Address => (
            StatusCode::TOO_MANY_REQUESTS,
            "too many requests without a known token are being sent from your address",
        ),
        limiter::LimitReached::Total => (
            StatusCode::SERVICE_UNAVAILABLE,
            "too many requests without a known token are being sent to this gateway",
        ),
    };
    let mut response = HttpError::new(status, text).into_response();
    response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    response
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use http_body_util::{BodyExt as _, StreamBody};
    use nomad_acl::{Acl, LookupOptions, RegionalAcl, TokenInfo, TokensError};
    use nomad_forward::Transport;
    use nomad_wire::SecretId;

    use super::*;

    /// Gives the request to the test.
    #[derive(Clone)]
    struct RecordingService(std::sync::mpsc::Sender<Request<PendingLimitBody<PendingBody>>>);

    /// Knows one token.
    #[derive(Clone)]
    struct OneToken;

    impl Tokens for OneToken {
        type Future = Ready<Result<RegionalAcl, TokensError>>;

        fn resolve_with(&self, token: Option<&SecretId>, _: LookupOptions<'_>) -> Self::Future {
            let acl = Acl::management();
            let is_known = token == Some(&SecretId::new("known"));
            let acl = if is_known { acl.with_token_info(TokenInfo::default()) } else { acl };
            ready(Ok(RegionalAcl::valid_everywhere(acl)))
        }
    }

    type PendingBody =
        StreamBody<futures_util::stream::Pending<Result<http_body::Frame<Bytes>, Infallible>>>;

    impl Service<Request<PendingLimitBody<PendingBody>>> for RecordingService {
        type Response = Response<Full<Bytes>>;
        type Error = Infallible;
        type Future = Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<PendingLimitBody<PendingBody>>) -> Self::Future {
            drop(self.0.send(request));
            ready(Ok(Response::new(Full::default())))
        }
    }

    fn request(last: u8, is_websocket: bool) -> Request<PendingBody> {
        let uri = if is_websocket { "/x?ws_handshake=true" } else { "/v1/jobs" };
        let client = ForwardedFor::new(([127, 0, 0, last], 1).into(), Transport::Plain);
        let mut request = Request::put(uri).extension(client);
        if is_websocket {
            request = request.header(UPGRADE, "websocket");
        }
        request.body(StreamBody::new(futures_util::stream::pending())).unwrap()
    }

    #[tokio::test]
    async fn pending_work_is_limited_and_what_is_given_up_gives_its_permit_back() {
        let (keep, kept) = std::sync::mpsc::channel();
        let mut undecided = PendingLimit::new(RecordingService(keep), OneToken);
        let mut ask = async |last, is_websocket| {
            let Ok(answer) = undecided.call(request(last, is_websocket)).await;
            let retry = answer.headers().contains_key(RETRY_AFTER);
            let status = answer.status().as_u16();
            let text = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!((retry, text.is_empty()), (status != 200, status == 200));
            status
        };
        let mut held = Vec::new();
        for last in 1..=4 {
            for _ in 0..MAX_PER_CLIENT {
                assert_eq!(ask(last, false).await, 200);
                held.push(kept.recv().unwrap());
            }
            assert_eq!(ask(last, false).await, if last < 4 { 429 } else { 503 }, "{last}");
        }
        assert_eq!(ask(9, false).await, 503);
        // Who gives up makes room; whoever may, too.
        drop(held.pop());
        assert_eq!(ask(9, false).await, 200);
        drop(held);
    }

    #[tokio::test]
    async fn a_known_token_is_served_where_unknown_clients_have_reached_a_limit() {
        let (keep, kept) = std::sync::mpsc::channel();
        let mut limit = PendingLimit::new(RecordingService(keep), OneToken);
        let mut held = Vec::new();
        for last in 1..=4 {
            for _ in 0..MAX_PER_CLIENT {
                let Ok(_) = limit.call(request(last, false)).await;
                held.extend(kept.try_iter());
            }
            // From the address that has reached its limit, and at last where all have.
            for (token, status) in [("known", 200), ("unknown", if last < 4 { 429 } else { 503 })] {
                let mut upload = request(last, false);
                upload.headers_mut().insert("x-nomad-token", HeaderValue::from_static(token));
                let Ok(response) = limit.call(upload).await;
                assert_eq!(response.status().as_u16(), status, "{token} from {last}");
            }
        }
    }

    #[test]
    fn a_handshake_counts_however_its_parameter_is_escaped() {
        let handshake = |uri: &str| {
            is_handshake(&Request::get(uri).header(UPGRADE, "websocket").body(()).unwrap())
        };
        assert!(handshake("/x?ws_handshake=true"));
        assert!(handshake("/x?ws%5Fhandshake=true"));
        assert!(handshake("/x?a=b&ws%5Fhandsh%61ke=%74rue"));
        assert!(!handshake("/x?ws_handshake=false"));
    }

    #[tokio::test]
    async fn a_handshake_holds_a_permit_until_its_request_is_gone() {
        let (keep, kept) = std::sync::mpsc::channel();
        let mut undecided = PendingLimit::new(RecordingService(keep), OneToken);
        let mut held = Vec::new();
        for number in 0..=MAX_PER_CLIENT {
            let mut websocket = request(1, true);
            *websocket.method_mut() = http::Method::GET;
            let Ok(answer) = undecided.call(websocket).await;
            assert_eq!(answer.status().as_u16(), if number < MAX_PER_CLIENT { 200 } else { 429 });
            held.extend(kept.try_iter());
        }
        held.pop();
        let Ok(answer) = undecided.call(request(1, true)).await;
        assert_eq!(answer.status(), 200);
    }
}
