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
use nomad_forward::connect::Turn;
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

use super::{
    CallerBody, HEAD_LIMIT, authority, ended,
    exchange::Exchange,
    flushed::{FlushedBody, Flushes, Flushing},
    heads::{Heads, LargeHeads, Refusals},
    proxy_protocol::Origin,
    ready,
    socket::Socket,
};
use crate::{
    Stop,
    refused::{MAX_HEAD, MAX_HEADERS, MAX_URI},
};

/// Where a connection comes from, and what its requests' heads have room in.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) origin: Origin,
    pub(super) heads: LargeHeads,
}

/// Speaks until the connection ends, or until its grace has passed.
pub(super) async fn serve<I, S, R>(io: I, source: Source, service: S, mut stop: Stop)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<CallerBody>, Response = Response<R>, Error = Infallible> + Clone + Send,
    S::Future: Send,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (flushes, exchange) = (Flushes::default(), Arc::<Exchange>::default());
    let refusals = Refusals::default();
    let Source { origin, heads } = source;
    let room = heads.room(origin.client.client());
    let io = Socket::new(io, Arc::clone(&exchange));
    let io = Heads::new(io, room, refusals.clone(), Arc::clone(&exchange));
    let io = Flushing::new(Turn::new(TokioIo::new(io)), flushes.clone());
    let mut http = http1::Builder::new();
    http.writev(true)
        .title_case_headers(true)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD + 3 * MAX_URI)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT);
    // What is upgraded leaves this task: its tunnel counts and ends it.
    let service = asked_by(origin, service, flushes, (exchange, refusals));
    let mut serving = pin!(http.serve_connection(io, service).with_upgrades());
    let result = tokio::select! {
        result = serving.as_mut() => Some(result),
        () = stop.announced() => None,
    };
    ended(match result {
        Some(result) => result,
        None => {
            serving.as_mut().graceful_shutdown();
            stop.last(serving).await.unwrap_or(Ok(()))
        }
    });
}

/// Says of every request whose it is, and lets an answer break only when what came of it has gone out.
fn asked_by<S, R>(
    origin: Origin,
    service: S,
    flushes: Flushes,
    (exchange, refusals): (Arc<Exchange>, Refusals),
) -> impl HttpService<
    Incoming,
    ResBody = FlushedBody<Either<R, Full<Bytes>>>,
    Error = Infallible,
    Future: Send,
>
where
    S: Service<Request<CallerBody>, Response = Response<R>, Error = Infallible> + Clone + Send,
    S::Future: Send,
    R: http_body::Body<Data = Bytes> + Send,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // hyper asks through a shared reference. A lock that nobody else takes costs less than a clone of the whole chain
    // for every request.
    let service = Mutex::new(service);
    service_fn(move |mut request: Request<Incoming>| {
        origin.mark(&mut request);
        authority::settle(&mut request);
        let refused = refusals.next();
        if let Some(refused) = refused {
            request.extensions_mut().insert(refused);
        }
        exchange.begin(&request);
        let request = request.map(|body| CallerBody::of_connection(body, &exchange));
        let answer =
            ready::ask(&mut *service.lock().unwrap_or_else(PoisonError::into_inner), request);
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
            let over = exchange.answered(is_upgrade);
            answer.map(|body| FlushedBody::new(body, flushes).until(over))
        })
    })
}
