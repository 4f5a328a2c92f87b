//! Response future that adds CORS headers.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{Either, Empty};
use pin_project::pin_project;

use super::{CorsBody, RequestOrigin, nomad_headers::NomadHeaders};

/// An answer with what a page may do with it.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F> {
    #[pin]
    state: State<F>,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<F> {
    /// Of pages nothing is said here that an agent would not say.
    Passed(#[pin] F, NomadHeaders),
    Told(#[pin] F, RequestOrigin, NomadHeaders),
    Preflight(Option<Box<Response<Empty<Bytes>>>>),
}

impl<F> ResponseFuture<F> {
    pub(super) const fn with_nomad_headers(answer: F, rules: NomadHeaders) -> Self {
        Self { state: State::Passed(answer, rules) }
    }

    pub(super) const fn with_configured_origins(
        answer: F,
        page: RequestOrigin,
        rules: NomadHeaders,
    ) -> Self {
        Self { state: State::Told(answer, page, rules) }
    }

    pub(super) fn preflight(answer: Response<Empty<Bytes>>) -> Self {
        Self { state: State::Preflight(Some(Box::new(answer))) }
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
{
    type Output = Result<Response<CorsBody<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Passed(answer, rules) => answer.poll(cx).map_ok(|mut response| {
                // What is no HTTP any more is not kept in a cache.
                if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                    rules.add_missing(response.headers_mut());
                }
                response.map(Either::Left)
            }),
            StateProjection::Told(answer, page, rules) => answer.poll(cx).map_ok(|mut response| {
                rules.add_missing_vary(response.headers_mut());
                page.set_headers(response.headers_mut());
                response.map(Either::Left)
            }),
            StateProjection::Preflight(answer) => {
                let answer = answer.take().expect("a finished future is not polled again");
                Poll::Ready(Ok(answer.map(Either::Right)))
            }
        }
    }
}
