//! ADMIT: may they?

mod error;
mod future;
mod layer;

use std::task::{Context, Poll};

use http::HeaderMap;
use tower_service::Service;

pub use self::{error::Denied, layer::AdmitLayer};
use crate::{Decision, Known, Requirement, Subject};

/// A question that can be decided about: a known request, and the object it is about.
pub trait Ask {
    /// The request's body.
    type Body;

    /// The request, its call and what its caller may do.
    fn known(&self) -> &Known<Self::Body>;

    /// The object, as looked up.
    fn subject(&self) -> &Subject;

    /// Gives the request back to whoever answers it.
    fn into_known(self) -> Known<Self::Body>;
}

/// A question that was decided with yes. Only [`Admit`] can write one.
#[derive(Debug)]
pub struct Admitted<Q> {
    question: Q,
}

impl<Q> Admitted<Q> {
    /// The question.
    pub const fn question(&self) -> &Q {
        &self.question
    }

    /// The question, to be answered.
    pub fn into_question(self) -> Q {
        self.question
    }

    /// The request's headers, to be changed before it is sent on. The call and its object, which were decided about, do not
    /// stand there; a token does, and whoever answers looks at it again.
    pub fn headers_mut(&mut self) -> &mut HeaderMap
    where
        Q: AsMut<HeaderMap>,
    {
        self.question.as_mut()
    }
}

/// Lets through what the caller may do.
#[derive(Debug, Clone)]
pub struct Admit<S> {
    inner: S,
}

impl<S> Admit<S> {
    /// Guards `inner`.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, Q> Service<Q> for Admit<S>
where
    Q: Ask,
    S: Service<Admitted<Q>>,
    S::Error: From<Denied>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = future::ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, question: Q) -> Self::Future {
        let Known { route, acl, .. } = question.known();
        match acl.allows(&Requirement::of(route), question.subject()) {
            Decision::Allow(_) => {
                future::ResponseFuture::admitted(self.inner.call(Admitted { question }))
            }
            Decision::Deny(reason) => future::ResponseFuture::denied(Denied { reason }),
        }
    }
}
