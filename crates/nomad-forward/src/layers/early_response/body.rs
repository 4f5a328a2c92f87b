//! The body of a response whose head may have been sent before the upstream's.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use crate::{Error, layers::outages::Outages};

/// The body of an answer: here, or still waited for.
#[pin_project]
pub struct EarlyResponseBody<F, R> {
    #[pin]
    state: State<F, R>,
}

#[pin_project(project = StateProjection)]
enum State<F, R> {
    Here(#[pin] R),
    Awaited(Pin<Box<F>>, Arc<Outages>),
    /// There was none.
    Lost,
}

impl<F, R> EarlyResponseBody<F, R> {
    pub(super) const fn ready(body: R) -> Self {
        Self { state: State::Here(body) }
    }

    pub(super) const fn pending(answer: Pin<Box<F>>, outages: Arc<Outages>) -> Self {
        Self { state: State::Awaited(answer, outages) }
    }
}

impl<F, R> fmt::Debug for EarlyResponseBody<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EarlyResponseBody").finish_non_exhaustive()
    }
}

impl<F, R, E> Body for EarlyResponseBody<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<Error>,
    R: Body<Data = Bytes>,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Here(body) => {
                    return body.poll_frame(cx).map_err(Into::into);
                }
                StateProjection::Lost => return Poll::Ready(None),
                // Of an error the text is what comes: the status is said already.
                StateProjection::Awaited(answer, outages) => {
                    match ready!(answer.as_mut().poll(cx)) {
                        Ok(response) => {
                            outages.record_success(&response);
                            State::Here(response.into_body())
                        }
                        Err(error) => {
                            let error: Error = error.into();
                            if let Error::Forward(error) = &error {
                                outages.record_failure(error);
                            }
                            state.set(State::Lost);
                            return Poll::Ready(Some(Err(error.into())));
                        }
                    }
                }
            };
            state.set(next);
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Here(body) => body.is_end_stream(),
            State::Awaited(..) => false,
            State::Lost => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Here(body) => body.size_hint(),
            State::Awaited(..) | State::Lost => SizeHint::default(),
        }
    }
}
