//! An ordinary answer, or the one after which two connections are joined.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use pin_project::pin_project;

use super::{join, tunnels::Passage};

/// The answer to a request that may want a tunnel.
#[pin_project]
#[derive(Debug)]
pub struct ResponseFuture<F, R> {
    #[pin]
    state: State<F, R>,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<F, R> {
    Asking {
        #[pin]
        answer: F,
        caller: Option<(OnUpgrade, Passage)>,
    },
    Here(Option<Box<Response<R>>>),
}

impl<F, R> ResponseFuture<F, R> {
    pub(super) const fn passing(answer: F) -> Self {
        Self { state: State::Asking { answer, caller: None } }
    }

    pub(super) const fn joining(answer: F, caller: OnUpgrade, passage: Passage) -> Self {
        Self { state: State::Asking { answer, caller: Some((caller, passage)) } }
    }

    pub(super) fn here(answer: Response<R>) -> Self {
        Self { state: State::Here(Some(Box::new(answer))) }
    }
}

impl<F, R> Future for ResponseFuture<F, R>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
{
    type Output = Result<Response<R>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Here(answer) => {
                let answer = answer.take().expect("a finished future is not polled again");
                Poll::Ready(Ok(*answer))
            }
            StateProjection::Asking { answer, caller } => {
                let Ok(mut response) = ready!(answer.poll(cx));
                if let Some((caller, passage)) = caller.take()
                    && response.status() == StatusCode::SWITCHING_PROTOCOLS
                {
                    passage.answered_by(response.headers());
                    let agent = hyper::upgrade::on(&mut response);
                    response.extensions_mut().insert(passage.tally());
                    tokio::spawn(join::upgraded(caller, agent, passage));
                }
                Poll::Ready(Ok(response))
            }
        }
    }
}
