//! An ordinary answer, or the one after which two connections are joined.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use http_body::Body;
use http_body_util::{Either, Full};
use hyper::upgrade::OnUpgrade;
use pin_project::pin_project;
use tracing::Instrument as _;

use super::{UpgradeBody, copy, refusal, tunnels::TunnelPermit};

/// The answer to a request that may want a tunnel.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    state: State<F>,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<F> {
    Asking {
        #[pin]
        answer: F,
        asker: Option<PendingUpgrade>,
    },
    Here(Option<Box<Response<Full<Bytes>>>>),
}

/// Whoever wants a tunnel.
#[derive(Debug)]
pub(super) struct PendingUpgrade {
    pub(super) client: OnUpgrade,
    pub(super) permit: TunnelPermit,
    /// How its websocket is opened, when a refusal is to be said on it.
    pub(super) accept: Option<HeaderValue>,
}

impl<F> ResponseFuture<F> {
    pub(super) const fn passing(answer: F) -> Self {
        Self { state: State::Asking { answer, asker: None } }
    }

    pub(super) const fn upgrading(answer: F, asker: PendingUpgrade) -> Self {
        Self { state: State::Asking { answer, asker: Some(asker) } }
    }

    pub(super) fn responding(answer: Response<Full<Bytes>>) -> Self {
        Self { state: State::Here(Some(Box::new(answer))) }
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
    R: Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = Result<Response<UpgradeBody<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Here(answer) => {
                let answer = answer.take().expect("a finished future is not polled again");
                Poll::Ready(Ok(answer.map(Either::Right)))
            }
            StateProjection::Asking { answer, asker } => {
                let Ok(response) = ready!(answer.poll(cx));
                Poll::Ready(Ok(match asker.take() {
                    Some(asker) => finish_upgrade(response, asker),
                    None => response.map(Either::Left),
                }))
            }
        }
    }
}

/// What becomes of an answer to somebody who wants a tunnel.
fn finish_upgrade<R>(mut response: Response<R>, asker: PendingUpgrade) -> Response<UpgradeBody<R>>
where
    R: Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let PendingUpgrade { client: caller, permit: passage, accept } = asker;
    let status = response.status();
    if status == StatusCode::SWITCHING_PROTOCOLS {
        passage.record_agent(&response);
        let agent = hyper::upgrade::on(&mut response);
        response.extensions_mut().insert(passage.stats());
        tokio::spawn(copy::copy_when_upgraded(caller, agent, passage).in_current_span());
        return response.map(Either::Left);
    }
    match accept {
        Some(accept) if status.is_client_error() || status.is_server_error() => {
            refusal::open_and_close(response, caller, accept, passage).map(Either::Right)
        }
        _ => response.map(Either::Left),
    }
}
