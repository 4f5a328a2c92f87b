//! Response future: resolves the token, then calls the inner service.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Request;
use nomad_wire::{Call, Route};
use pin_project::pin_project;
use tower_service::Service;

use super::{Identified, IdentifyError, is_authorized_upstream};
use crate::{Acl, RegionalAcl, TokenInfoSlot, TokensError};

/// The answer to a request that is being identified.
#[pin_project]
pub struct ResponseFuture<S: Service<Identified<B>>, F, B> {
    #[pin]
    state: State<S, S::Future, F, B>,
}

impl<S: Service<Identified<B>>, F, B> std::fmt::Debug for ResponseFuture<S, F, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

#[pin_project(project = StateProjection)]
#[expect(
    clippy::large_enum_variant,
    reason = "one future a request: a box would cost an allocation on the hot path"
)]
enum State<S, R, F, B> {
    Failed(Option<IdentifyError>),
    Resolving {
        #[pin]
        acl: F,
        question: Option<(S, Call, Request<B>)>,
    },
    Calling(#[pin] R),
}

impl<S: Service<Identified<B>>, F, B> ResponseFuture<S, F, B> {
    pub(super) const fn failed(error: IdentifyError) -> Self {
        Self { state: State::Failed(Some(error)) }
    }

    pub(super) const fn calling(answer: S::Future) -> Self {
        Self { state: State::Calling(answer) }
    }

    pub(super) const fn resolving(inner: S, acl: F, call: Call, request: Request<B>) -> Self {
        Self { state: State::Resolving { acl, question: Some((inner, call, request)) } }
    }
}

impl<S, F, B> Future for ResponseFuture<S, F, B>
where
    S: Service<Identified<B>>,
    S::Error: From<IdentifyError>,
    F: Future<Output = Result<RegionalAcl, TokensError>>,
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
                StateProjection::Resolving { acl, question } => {
                    let resolved = ready!(acl.poll(cx));
                    let (mut inner, call, request) =
                        question.take().expect("a token is resolved once");
                    match identify_request(call, resolved, request) {
                        Ok(known) => State::Calling(inner.call(known)),
                        Err(error) => State::Failed(Some(error)),
                    }
                }
                StateProjection::Calling(answer) => return answer.poll(cx),
            };
            state.set(next);
        }
    }
}

/// The request with what is known of its caller.
pub(super) fn identify_request<B>(
    call: Call,
    resolved: Result<RegionalAcl, TokensError>,
    request: Request<B>,
) -> Result<Identified<B>, IdentifyError> {
    let acl = resolved.or_else(|error| deny_all_if_authorized_upstream(&call.route, error))?;
    record_token_info(&acl, &request);
    Ok(Identified { call, acl, request })
}

/// A token that is no good here does not end a call about which somebody else decides. It grants nothing, either.
fn deny_all_if_authorized_upstream(
    route: &Route,
    error: TokensError,
) -> Result<RegionalAcl, TokensError> {
    // Nothing is granted by it in any region.
    let nothing = || RegionalAcl::valid_everywhere(Acl::deny_all());
    if is_authorized_upstream(route) { Ok(nothing()) } else { Err(error) }
}

/// Writes down whose token it is, where somebody wants to know.
fn record_token_info<B>(acl: &RegionalAcl, request: &Request<B>) {
    if let (Some(bearer), Some(slip)) =
        (acl.token_info(), request.extensions().get::<TokenInfoSlot>())
    {
        slip.set(bearer);
    }
}
