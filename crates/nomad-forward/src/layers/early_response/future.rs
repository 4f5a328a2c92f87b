//! Response future: the upstream response, or a head before it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Response;
use pin_project::pin_project;

use super::{ConnectedUpstream, EarlyResponseBody, HeadFields, early_head};
use crate::{Error, layers::outages::Outages};

type HeadDue = Pin<Box<dyn Future<Output = Option<ConnectedUpstream>> + Send>>;

/// The agent's answer, or a head before it.
#[pin_project]
pub struct ResponseFuture<F, R> {
    #[pin]
    state: State<F>,
    body: std::marker::PhantomData<fn() -> R>,
}

#[pin_project(project = StateProjection)]
enum State<F> {
    Plain(#[pin] F),
    Racing {
        answer: Option<Pin<Box<F>>>,
        /// Over when the head is due; `None` when none may be sent.
        due: Option<HeadDue>,
        /// What the head says, and who hears when nothing comes after it.
        rest: (HeadFields, Arc<Outages>),
    },
}

impl<F, R> std::fmt::Debug for ResponseFuture<F, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<F, R> ResponseFuture<F, R> {
    pub(super) const fn passing(answer: F) -> Self {
        Self { state: State::Plain(answer), body: std::marker::PhantomData }
    }

    pub(super) const fn racing_head(
        answer: Pin<Box<F>>,
        due: HeadDue,
        rest: (HeadFields, Arc<Outages>),
    ) -> Self {
        let state = State::Racing { answer: Some(answer), due: Some(due), rest };
        Self { state, body: std::marker::PhantomData }
    }
}

impl<F, R, E> Future for ResponseFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<Error>,
{
    type Output = Result<Response<EarlyResponseBody<F, R>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (answer, due, (form, outages)) = match self.project().state.project() {
            StateProjection::Plain(answer) => {
                return answer
                    .poll(cx)
                    .map_ok(|response| response.map(EarlyResponseBody::ready))
                    .map_err(Into::into);
            }
            StateProjection::Racing { answer, due, rest } => (answer, due, rest),
        };
        let waited = answer.as_mut().expect("a finished future is not polled again");
        if let Poll::Ready(answered) = waited.as_mut().poll(cx) {
            return Poll::Ready(
                answered.map(|response| response.map(EarlyResponseBody::ready)).map_err(Into::into),
            );
        }
        let Some(Poll::Ready(reached)) = due.as_mut().map(|due| due.as_mut().poll(cx)) else {
            return Poll::Pending;
        };
        *due = None;
        // A server was asked in the agent's stead: its answer is waited for, and comes as it is.
        let Some(reached) = reached else { return Poll::Pending };
        let answer = answer.take().expect("it was polled above");
        let body = EarlyResponseBody::pending(answer, Arc::clone(outages));
        Poll::Ready(Ok(early_head(body, &reached, *form)))
    }
}

#[cfg(test)]
mod tests {
    use std::{future::ready, pin::pin, task::Waker};

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn a_response_is_awaited_when_no_early_head_may_be_sent() {
        let (tell, told) = oneshot::channel::<Result<Response<()>, Error>>();
        let form = HeadFields { content_type: "text/plain", conceal_agent: false };
        let answer = Box::pin(async move { told.await.unwrap() });
        let (due, rest) = (Box::pin(ready(None)), (form, Arc::default()));
        let mut future = pin!(ResponseFuture::<_, ()>::racing_head(answer, due, rest));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut cx).is_pending());
        assert!(tell.send(Ok(Response::new(()))).is_ok());
        assert!(future.as_mut().poll(&mut cx).is_ready());
    }
}
