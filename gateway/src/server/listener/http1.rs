//! HTTP/1.1 on one connection.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::TryFutureExt as _;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use nomad_forward::connect::DeferredWrite;
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

use super::{
    HEAD_TIMEOUT, IncomingBody, call_when_ready,
    exchange::Exchange,
    flush_before_error::{CountFlushes, FlushBeforeErrorBody, FlushCounter},
    head_rewriter::{HeadErrors, HeadRewriter, LargeHeads},
    host, log_connection_end,
    proxy_protocol::Origin,
    socket::Socket,
};
use crate::{
    Shutdown,
    proxy::invalid_head::{MAX_HEAD, MAX_HEADERS, MAX_URI},
};

/// Where a connection comes from, and what its requests' heads have room in.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) origin: Origin,
    pub(super) heads: LargeHeads,
}

/// Speaks until the connection ends, or until its grace has passed.
pub(super) async fn serve<I, S, R>(io: I, source: Source, service: S, mut stop: Shutdown)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<IncomingBody>, Response = Response<R>, Error = Infallible> + Clone + Send,
    S::Future: Send,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (flushes, exchange) = (FlushCounter::default(), Arc::<Exchange>::default());
    let refusals = HeadErrors::default();
    let Source { origin, heads } = source;
    let room = heads.room(origin.client.client());
    let io = Socket::new(io, Arc::clone(&exchange));
    let io = HeadRewriter::new(io, room, refusals.clone(), Arc::clone(&exchange));
    let io = CountFlushes::new(DeferredWrite::new(TokioIo::new(io)), flushes.clone());
    let mut http = http1::Builder::new();
    http.writev(true)
        .title_case_headers(true)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD + 3 * MAX_URI)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    // What is upgraded leaves this task: its tunnel counts and ends it.
    let service = connection_service(origin, service, flushes, (exchange, refusals));
    let mut serving = pin!(http.serve_connection(io, service).with_upgrades());
    let result = tokio::select! {
        result = serving.as_mut() => Some(result),
        () = stop.drain_started() => None,
    };
    log_connection_end(match result {
        Some(result) => result,
        None => {
            serving.as_mut().graceful_shutdown();
            stop.within_grace(serving).await.unwrap_or(Ok(()))
        }
    });
}

/// Says of every request whose it is, and lets an answer break only when what came of it has gone out.
fn connection_service<S, R>(
    origin: Origin,
    service: S,
    flushes: FlushCounter,
    (exchange, refusals): (Arc<Exchange>, HeadErrors),
) -> impl HttpService<
    Incoming,
    ResBody = FlushBeforeErrorBody<Either<R, Full<Bytes>>>,
    Error = Infallible,
    Future: Send,
>
where
    S: Service<Request<IncomingBody>, Response = Response<R>, Error = Infallible> + Clone + Send,
    S::Future: Send,
    R: http_body::Body<Data = Bytes> + Send,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // hyper asks through a shared reference. A lock that nobody else takes costs less than a clone of the whole chain
    // for every request.
    let service = Mutex::new(service);
    service_fn(move |mut request: Request<Incoming>| {
        origin.mark(&mut request);
        host::move_to_header(&mut request);
        let refused = refusals.next_request();
        if let Some(refused) = refused {
            request.extensions_mut().insert(refused);
        }
        exchange.begin_request(&request);
        let request = request.map(|body| IncomingBody::from_http1(body, &exchange));
        let answer = call_when_ready::call_when_ready(
            &mut *service.lock().unwrap_or_else(PoisonError::into_inner),
            request,
        );
        let (flushes, exchange) = (flushes.clone(), Arc::clone(&exchange));
        answer.map_ok(move |answer| {
            let answer = match refused {
                // A service that does not know about refused requests has answered another one.
                Some(refused) if answer.extensions().get() != Some(&refused) => {
                    refused.into_response().map(Either::Right)
                }
                Some(_) | None => answer.map(Either::Left),
            };
            let is_upgrade = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
            let over = exchange.begin_response(is_upgrade);
            answer.map(|body| FlushBeforeErrorBody::new(body, flushes).with_guard(over))
        })
    })
}
