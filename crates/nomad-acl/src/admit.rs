//! `admit`: authorizes a request, and makes the proof of it.

mod error;
mod future;
mod layer;

use std::task::{Context, Poll};

use http::HeaderMap;
use tower_service::Service;

pub use self::{error::PermissionDenied, layer::AdmitLayer};
use crate::{
    Acl, Decision, DenyReason, Identified, RegionMismatch, RegionScope, Requirement, Subject,
};

/// A question that can be decided about: a known request, and the object it is about.
pub trait AccessRequest {
    /// The request's body.
    type Body;

    /// The request, its call and what its caller may do.
    fn identified(&self) -> &Identified<Self::Body>;

    /// The object, as looked up.
    fn subject(&self) -> &Subject;

    /// Who will answer, as looked up: the rights must be those of that region.
    fn destination(&self) -> Destination<'_>;

    /// Gives the request back to whoever answers it.
    fn into_identified(self) -> Identified<Self::Body>;
}

/// Who answers a question, as far as rights go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an agent, servers, or nobody")]
pub enum Destination<'a> {
    /// An agent of this region, and the decision made here may be the only one.
    Agent(&'a RegionScope),
    /// Servers, which take the call to the region that it names and decide there about all of it.
    Servers,
    /// Nobody: what comes of it is an error, worded by what the caller may know.
    Unresolved,
}

impl Destination<'_> {
    /// The ACL to decide with.
    ///
    /// # Errors
    /// [`RegionMismatch`] when the rights are not those of the region that answers.
    pub fn acl<B>(self, known: &Identified<B>) -> Result<&Acl, RegionMismatch> {
        match self {
            Self::Agent(region) => known.acl.for_region(region),
            Self::Servers | Self::Unresolved => Ok(known.acl.advisory()),
        }
    }
}

/// What becomes of a question that cannot be decided here ([`Decision::Defer`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "there is somebody behind who decides, or not")]
pub enum OnDefer {
    /// It is refused: nobody decides after this.
    #[default]
    Deny,
    /// It is handed on: an agent decides about every call that it gets.
    Forward,
}

/// A question that was decided with yes, or left to the agent that it goes to. Only [`Admit`] can write one.
#[derive(Debug)]
pub struct Admitted<Q> {
    request: Q,
}

impl<Q> Admitted<Q> {
    /// The question.
    pub const fn get_ref(&self) -> &Q {
        &self.request
    }

    /// The question, to be answered.
    pub fn into_inner(self) -> Q {
        self.request
    }

    /// The request's headers, to be changed before it is sent on. The call and its object, which were decided about, do not
    /// stand there; a token does, and whoever answers looks at it again.
    pub fn headers_mut(&mut self) -> &mut HeaderMap
    where
        Q: AsMut<HeaderMap>,
    {
        self.request.as_mut()
    }
}

/// Lets through what the caller may do.
#[derive(Debug, Clone)]
pub struct Admit<S> {
    inner: S,
    on_defer: OnDefer,
}

impl<S> Admit<S> {
    /// Guards `inner`, which answers: what cannot be decided here is refused.
    pub const fn new(inner: S) -> Self {
        Self { inner, on_defer: OnDefer::Deny }
    }

    /// Says what becomes of a question that cannot be decided here.
    #[must_use]
    pub fn on_defer(self, undecided: OnDefer) -> Self {
        Self { on_defer: undecided, ..self }
    }
}

impl<S, Q> Service<Q> for Admit<S>
where
    Q: AccessRequest,
    S: Service<Admitted<Q>>,
    S::Error: From<PermissionDenied> + From<RegionMismatch>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = future::ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, question: Q) -> Self::Future {
        let acl = match question.destination().acl(question.identified()) {
            Ok(acl) => acl,
            Err(mismatch) => return future::ResponseFuture::region_mismatch(mismatch),
        };
        let demanded = Requirement::for_route(&question.identified().call.route);
        match (acl.allows(&demanded, question.subject()), self.on_defer) {
            (Decision::Allow(_), _) | (Decision::Defer { .. }, OnDefer::Forward) => {
                future::ResponseFuture::admitted(self.inner.call(Admitted { request: question }))
            }
            (Decision::Deny(reason), _) => {
                future::ResponseFuture::denied(PermissionDenied { reason })
            }
            (Decision::Defer { missing }, OnDefer::Deny) => {
                future::ResponseFuture::denied(PermissionDenied {
                    reason: DenyReason::Deferred { missing },
                })
            }
        }
    }
}
