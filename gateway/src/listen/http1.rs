//! HTTP/1.1 on one connection.

use std::{convert::Infallible, pin::pin};

use bytes::Bytes;
use hyper::{body::Incoming, server::conn::http1, service::HttpService};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{HEAD_LIMIT, ended};
use crate::Stop;

/// Speaks until the connection ends, or until its grace has passed.
pub(super) async fn serve<I, S, R>(io: I, service: S, mut stop: Stop)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService<Incoming, ResBody = R, Error = Infallible>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut http = http1::Builder::new();
    http.writev(true)
        .title_case_headers(true)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT);
    // What is upgraded leaves this task: its tunnel counts and ends it.
    let mut serving = pin!(
        http.serve_connection(nomad_forward::connect::Turn::new(TokioIo::new(io)), service)
            .with_upgrades()
    );
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
