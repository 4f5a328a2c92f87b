//! ADMIT: may they?

mod error;
mod future;
mod layer;

use std::task::{Context, Poll};

use http::HeaderMap;
use tower_service::Service;

pub use self::{error::Denied, layer::AdmitLayer};
use crate::{Acl, Decision, Known, Reason, RegionMismatch, RegionScope, Requirement, Subject};

/// A question that can be decided about: a known request, and the object it is about.
pub trait Ask {
    /// The request's body.
    type Body;

    /// The request, its call and what its caller may do.
    fn known(&self) -> &Known<Self::Body>;

    /// The object, as looked up.
    fn subject(&self) -> &Subject;

    /// Who will answer, as looked up: the rights must be those of that region.
    fn answerer(&self) -> Answerer<'_>;

    /// Gives the request back to whoever answers it.
    fn into_known(self) -> Known<Self::Body>;
}

/// Who answers a question, as far as rights go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an agent, servers, or nobody")]
pub enum Answerer<'a> {
    /// An agent of this region, and the decision made here may be the only one.
    Agent(&'a RegionScope),
    /// Servers, which take the call to the region that it names and decide there about all of it.
    Servers,
    /// Nobody: what comes of it is an error, worded by what the caller may know.
    Nobody,
}

impl Answerer<'_> {
    /// The ACL to decide with.
    ///
    /// # Errors
    /// [`RegionMismatch`] when the rights are not those of the region that answers.
    pub fn acl<B>(self, known: &Known<B>) -> Result<&Acl, RegionMismatch> {
        match self {
            Self::Agent(region) => known.acl.within(region),
            Self::Servers | Self::Nobody => Ok(known.acl.advisory()),
        }
    }
}

/// What becomes of a question that cannot be decided here ([`Decision::Defer`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "there is somebody behind who decides, or not")]
pub enum Undecided {
    /// It is refused: nobody decides after this.
    #[default]
    Refuse,
    /// It is handed on: an agent decides about every call that it gets.
    HandOn,
}

/// A question that was decided with yes, or left to the agent that it goes to. Only [`Admit`] can write one.
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
    undecided: Undecided,
}

impl<S> Admit<S> {
    /// Guards `inner`, which answers: what cannot be decided here is refused.
    pub const fn new(inner: S) -> Self {
        Self { inner, undecided: Undecided::Refuse }
    }

    /// Says what becomes of a question that cannot be decided here.
    #[must_use]
    pub fn undecided(self, undecided: Undecided) -> Self {
        Self { undecided, ..self }
    }
}

impl<S, Q> Service<Q> for Admit<S>
where
    Q: Ask,
    S: Service<Admitted<Q>>,
    S::Error: From<Denied> + From<RegionMismatch>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = future::ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, question: Q) -> Self::Future {
        let acl = match question.answerer().acl(question.known()) {
            Ok(acl) => acl,
            Err(mismatch) => return future::ResponseFuture::elsewhere(mismatch),
        };
        let demanded = Requirement::of(&question.known().call.route);
        match (acl.allows(&demanded, question.subject()), self.undecided) {
            (Decision::Allow(_), _) | (Decision::Defer { .. }, Undecided::HandOn) => {
                future::ResponseFuture::admitted(self.inner.call(Admitted { question }))
            }
            (Decision::Deny(reason), _) => future::ResponseFuture::denied(Denied { reason }),
            (Decision::Defer { missing }, Undecided::Refuse) => {
                future::ResponseFuture::denied(Denied { reason: Reason::Undecided { missing } })
            }
        }
    }
}
