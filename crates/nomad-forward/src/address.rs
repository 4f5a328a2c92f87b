//! ADDRESS: which agent is meant, and whose object is it?
//!
//! This comes before the decision, because Nomad decides about an allocation by the allocation's own namespace. An
//! allocation that nobody knows is "unknown" to every caller; a node or server that nobody knows is only told to
//! those who may ask, so that fault travels on and is raised after the decision.
//!
//! Two calls may name their node in the body (`client/metadata`, `identity/renew`). Of these the body is read first, unless
//! the caller is refused in any case.

mod error;
mod future;
mod layer;
mod named_in_body;

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use nomad_acl::{Acl, Answerer, Ask, Decision, Known, Level, Requirement, Right, Subject};
use nomad_wire::{Call, QueryError, Route};
use tower_service::Service;

pub use self::{error::AddressError, layer::AddressLayer};
use crate::{
    Target,
    credit::Unnamed,
    directory::{Caller, Directory, LocateError, Place, Spelling},
    outgoing::Outgoing,
};

/// A known request whose target was looked up.
#[derive(Debug)]
pub struct Addressed<B> {
    known: Known<B>,
    place: Result<Place, AddressError>,
}

/// Of a call that is refused for what it names, should it come so far.
static UNNAMED: Target = Target::AnyServer;

impl<B> Addressed<B> {
    /// Whom the call is for.
    #[must_use]
    pub fn target(&self) -> &Target {
        self.known.call.target.as_ref().unwrap_or(&UNNAMED)
    }

    /// What the directory knows of it; nothing when it does not know it.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref().ok()
    }

    /// Whether the caller may not list agents of the kind that is asked, and so is not told their names. Whoever may do
    /// something with an allocation may know where it runs.
    #[must_use]
    pub fn is_unnamed(&self) -> bool {
        let reading = reading(self.target());
        // Rights of another region are none.
        let may_not = |reading| {
            let acl = self.answerer().acl(&self.known);
            acl.map_or(true, |acl| {
                matches!(acl.allows(&reading, &Subject::Agent), Decision::Deny(_))
            })
        };
        reading.is_some_and(may_not)
    }

    /// The answer will not show which agent it came from.
    pub(crate) fn conceal_agent(&mut self) {
        self.known.request.extensions_mut().insert(Unnamed);
    }

    /// Splits it for whoever resolves it.
    pub(crate) fn into_parts(self) -> (Known<B>, Result<Place, AddressError>) {
        (self.known, self.place)
    }
}

impl<B> AsMut<HeaderMap> for Addressed<B> {
    fn as_mut(&mut self) -> &mut HeaderMap {
        self.known.request.headers_mut()
    }
}

impl<B> Ask for Addressed<B> {
    type Body = B;

    fn known(&self) -> &Known<B> {
        &self.known
    }

    fn subject(&self) -> &Subject {
        self.place.as_ref().map_or(&Subject::Agent, |place| &place.subject)
    }

    fn answerer(&self) -> Answerer<'_> {
        match (&self.known.call.route, &self.place) {
            (Route::Pass, _) => Answerer::Servers,
            (_, Ok(place)) => Answerer::Agent(&place.region),
            (_, Err(_)) => Answerer::Nobody,
        }
    }

    fn into_known(self) -> Known<B> {
        self.known
    }
}

/// Hands a known request on as [`Addressed`].
#[derive(Debug, Clone)]
pub struct Address<S, D> {
    inner: S,
    directory: D,
}

impl<S, D> Address<S, D> {
    /// Addresses for `inner`, asking `directory`.
    pub const fn new(inner: S, directory: D) -> Self {
        Self { inner, directory }
    }
}

impl<S, D, B> Service<Known<B>> for Address<S, D>
where
    S: Service<Addressed<Outgoing<B>>> + Clone,
    S::Error: From<AddressError>,
    D: Directory + Clone + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = future::ResponseFuture<S, D::Locate, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, known: Known<B>) -> Self::Future {
        let Known { call, acl, request, .. } = known;
        let known = Known { call, acl, request: request.map(Outgoing::unread) };
        let target = match &known.call.target {
            Ok(target) => target,
            // Only `host` asks for the right before it looks at the targets.
            Err(error @ QueryError::BothHostTargets) => {
                let place = Err(error.clone().into());
                return future::ResponseFuture::calling(
                    self.inner.call(Addressed { known, place }),
                );
            }
            Err(error) => return future::ResponseFuture::failed(error.clone().into()),
        };
        // Who may not ask learns nothing from how long a look-up takes. Whose an allocation is must be known first.
        if is_refused(&known, target) {
            let (route, source) = (known.call.route.clone(), LocateError::NotAsked);
            let place = Err(AddressError::Locate { route, source });
            return future::ResponseFuture::calling(self.inner.call(Addressed { known, place }));
        }
        if named_in_body::is_possible(&known.call.route, target) {
            // A body may take its time, in which nothing is kept that others need.
            self.inner = self.inner.clone();
            let reading = named_in_body::addressed(known, self.directory.clone());
            return future::ResponseFuture::reading(self.inner.clone(), Box::pin(reading));
        }
        let mut place = look_up(&self.directory, &known, target);
        // Most places are known, and then nothing needs to be kept until they are.
        let mut nobody = Context::from_waker(Waker::noop());
        if let Poll::Ready(place) = Pin::new(&mut place).poll(&mut nobody) {
            return match future::addressed(known, place) {
                Ok(addressed) => future::ResponseFuture::calling(self.inner.call(addressed)),
                Err(error) => future::ResponseFuture::failed(error),
            };
        }
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        future::ResponseFuture::locating(inner, place, known)
    }
}

/// Begins to look for the target.
fn look_up<D: Directory, B>(directory: &D, known: &Known<B>, target: &Target) -> D::Locate {
    let caller = Caller::of(&known.request).writing(spelling(known.acl.advisory(), target));
    directory.locate(target, known.call.region.as_ref(), caller)
}

/// Whether the decision is no, whatever agent is found.
fn is_refused<B>(known: &Known<B>, target: &Target) -> bool {
    let is_about_agents = !matches!(target, Target::Allocation(_));
    let decided =
        || known.acl.advisory().allows(&Requirement::of(&known.call.route), &Subject::Agent);
    is_about_agents && matches!(decided(), Decision::Deny(_))
}

/// How the caller may write the target. Who may not list agents could find them by the beginnings of their ids.
fn spelling(acl: &Acl, target: &Target) -> Spelling {
    let Some(reading) = reading(target) else { return Spelling::Full };
    match acl.allows(&reading, &Subject::Agent) {
        Decision::Deny(_) | Decision::Defer { .. } => Spelling::Full,
        Decision::Allow(_) => Spelling::Short,
    }
}

/// The right that tells of agents of this kind, so that a caller who has it may look for them; nothing for allocations,
/// which are asked for by their full id only.
const fn reading(target: &Target) -> Option<Requirement> {
    const NODES: Requirement = Requirement::all(&[&[Right::Node(Level::Read)]]);
    const SERVERS: Requirement =
        Requirement::all(&[&[Right::Agent(Level::Read), Right::Node(Level::Read)]]);
    match target {
        Target::Node(_) | Target::AnyClient | Target::SoleClient => Some(NODES),
        Target::Leader | Target::Server(_) | Target::AnyServer | Target::SoleServer => {
            Some(SERVERS)
        }
        Target::Allocation(_) => None,
    }
}

/// What the caller is told about a target that has no place: Nomad looks at the call's other parameters first, so a
/// fault in them is told instead.
fn fault(call: &Call, error: LocateError) -> AddressError {
    match &call.params {
        Err(earlier) => earlier.clone().into(),
        Ok(_) => AddressError::Locate { route: call.route.clone(), source: error },
    }
}
