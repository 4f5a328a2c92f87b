//! Response future: looks the target up, then calls the inner service.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use nomad_acl::Identified;
use pin_project::pin_project;
use tower_service::Service;

use super::{LocateError, Located, locate_error};
use crate::{
    directory::{DirectoryError, Location},
    layers::upstream_body::UpstreamBody,
};

/// The answer to a request that is being addressed.
#[pin_project]
pub struct ResponseFuture<S: Service<Located<UpstreamBody<B>>>, F, B> {
    #[pin]
    state: State<S, S::Future, F, B>,
}

impl<S: Service<Located<UpstreamBody<B>>>, F, B> std::fmt::Debug for ResponseFuture<S, F, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// Reads the body and looks the target up.
type BodyLookup<B> =
    Pin<Box<dyn Future<Output = Result<Located<UpstreamBody<B>>, LocateError>> + Send>>;

#[pin_project(project = StateProjection)]
enum State<S, R, F, B> {
    Failed(Option<LocateError>),
    Locating {
        #[pin]
        place: F,
        question: Option<(S, Identified<UpstreamBody<B>>)>,
    },
    Reading {
        reading: BodyLookup<B>,
        inner: Option<S>,
    },
    /// The inner service was given back while the body was read, and is asked for again.
    Waiting(Option<(S, Located<UpstreamBody<B>>)>),
    Calling(#[pin] R),
}

impl<S: Service<Located<UpstreamBody<B>>>, F, B> ResponseFuture<S, F, B> {
    pub(super) const fn failed(error: LocateError) -> Self {
        Self { state: State::Failed(Some(error)) }
    }

    pub(super) const fn calling(answer: S::Future) -> Self {
        Self { state: State::Calling(answer) }
    }

    pub(super) const fn reading_body(inner: S, reading: BodyLookup<B>) -> Self {
        Self { state: State::Reading { reading, inner: Some(inner) } }
    }

    pub(super) const fn locating(inner: S, place: F, known: Identified<UpstreamBody<B>>) -> Self {
        Self { state: State::Locating { place, question: Some((inner, known)) } }
    }
}

/// The look-up's answer, as the rest of the chain sees it: an unknown allocation ends it here.
pub(super) fn into_located<B>(
    known: Identified<B>,
    place: Result<Location, DirectoryError>,
) -> Result<Located<B>, LocateError> {
    let place = place.map_err(|error| locate_error(&known.call, error));
    match place {
        Err(error) if known.call.route.allocation().is_some() => Err(error),
        place => Ok(Located { identified: known, location: place }),
    }
}

impl<S, F, B> Future for ResponseFuture<S, F, B>
where
    S: Service<Located<UpstreamBody<B>>>,
    S::Error: From<LocateError>,
    F: Future<Output = Result<Location, DirectoryError>>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Failed(error) => {
                    let error = error.take().expect("a finished future is not polled again");
                    return Poll::Ready(Err(error.into()));
                }
                StateProjection::Locating { place, question } => {
                    let place = ready!(place.poll(cx));
                    let (mut inner, known) = question.take().expect("a target is looked up once");
                    match into_located(known, place) {
                        Ok(located) => State::Calling(inner.call(located)),
                        Err(error) => State::Failed(Some(error)),
                    }
                }
                StateProjection::Reading { reading, inner } => {
                    match ready!(reading.as_mut().poll(cx)) {
                        Ok(located) => {
                            let inner = inner.take().expect("a body is read once");
                            State::Waiting(Some((inner, located)))
                        }
                        Err(error) => State::Failed(Some(error)),
                    }
                }
                StateProjection::Waiting(question) => {
                    if let Some((inner, _)) = question {
                        ready!(inner.poll_ready(cx))?;
                    }
                    let (mut inner, located) = question.take().expect("it is asked once");
                    State::Calling(inner.call(located))
                }
                StateProjection::Calling(answer) => return answer.poll(cx),
            };
            state.set(next);
        }
    }
}
