//! `locate`: which agent a request names, and whose object it is about.
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
mod node_in_body;

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use nomad_acl::{
    AccessLevel, AccessRequest, Acl, Capability, Decision, Destination, Identified, Requirement,
    Subject,
};
use nomad_wire::{Call, QueryError, Route};
use tower_service::Service;

pub use self::{error::LocateError, layer::LocateLayer};
use crate::{
    Target,
    directory::{Directory, DirectoryError, Location, LookupContext, NameMatch},
    layers::{attribution::ConcealAgent, upstream_body::UpstreamBody},
};

/// A known request whose target was looked up.
#[derive(Debug)]
pub struct Located<B> {
    identified: Identified<B>,
    location: Result<Location, LocateError>,
}

/// Of a call that is refused for what it names, should it come so far.
static UNNAMED: Target = Target::AnyServer;

impl<B> Located<B> {
    /// Whom the call is for.
    #[must_use]
    pub fn target(&self) -> &Target {
        self.identified.call.target.as_ref().unwrap_or(&UNNAMED)
    }

    /// What the directory knows of it; nothing when it does not know it.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        self.location.as_ref().ok()
    }

    /// Whether the caller may not list agents of the kind that is asked, and so is not told their names. Whoever may do
    /// something with an allocation may know where it runs.
    #[must_use]
    pub fn must_conceal_agent(&self) -> bool {
        let reading = reading(self.target());
        // Rights of another region are none.
        let may_not = |reading| {
            let acl = self.destination().acl(&self.identified);
            acl.map_or(true, |acl| {
                matches!(acl.allows(&reading, &Subject::Agent), Decision::Deny(_))
            })
        };
        reading.is_some_and(may_not)
    }

    /// Marks the request of a client that must not be told which agent responds.
    pub(crate) fn conceal_upstream(&mut self) {
        let conceal = if self.must_conceal_agent() {
            ConcealAgent::Always
        } else if self.is_deferred() {
            ConcealAgent::IfRefused
        } else {
            return;
        };
        self.identified.request.extensions_mut().insert(conceal);
    }

    /// Whether the upstream agent decides about the call, because the gateway cannot.
    fn is_deferred(&self) -> bool {
        let required = Requirement::for_route(&self.identified.call.route);
        self.destination().acl(&self.identified).is_ok_and(|acl| {
            matches!(acl.allows(&required, self.subject()), Decision::Defer { .. })
        })
    }

    /// Splits it for whoever resolves it.
    pub(crate) fn into_parts(self) -> (Identified<B>, Result<Location, LocateError>) {
        (self.identified, self.location)
    }
}

impl<B> AsMut<HeaderMap> for Located<B> {
    fn as_mut(&mut self) -> &mut HeaderMap {
        self.identified.request.headers_mut()
    }
}

impl<B> AccessRequest for Located<B> {
    type Body = B;

    fn identified(&self) -> &Identified<B> {
        &self.identified
    }

    fn subject(&self) -> &Subject {
        self.location.as_ref().map_or(&Subject::Agent, |place| &place.subject)
    }

    fn destination(&self) -> Destination<'_> {
        match (&self.identified.call.route, &self.location) {
            (Route::Pass, _) => Destination::Servers,
            (_, Ok(place)) => Destination::Agent(&place.region),
            (_, Err(_)) => Destination::Unresolved,
        }
    }

    fn into_identified(self) -> Identified<B> {
        self.identified
    }
}

/// Hands a known request on as [`Located`].
#[derive(Debug, Clone)]
pub struct Locate<S, D> {
    inner: S,
    directory: D,
}

impl<S, D> Locate<S, D> {
    /// Addresses for `inner`, asking `directory`.
    pub const fn new(inner: S, directory: D) -> Self {
        Self { inner, directory }
    }
}

impl<S, D, B> Service<Identified<B>> for Locate<S, D>
where
    S: Service<Located<UpstreamBody<B>>> + Clone,
    S::Error: From<LocateError>,
    D: Directory + Clone + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = future::ResponseFuture<S, D::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, known: Identified<B>) -> Self::Future {
        let Identified { call, acl, request, .. } = known;
        let known = Identified { call, acl, request: request.map(UpstreamBody::unread) };
        let target = match &known.call.target {
            Ok(target) => target,
            // Only `host` asks for the right before it looks at the targets.
            Err(error @ QueryError::ConflictingHostTargets) => {
                let place = Err(error.clone().into());
                return future::ResponseFuture::calling(
                    self.inner.call(Located { identified: known, location: place }),
                );
            }
            Err(error) => return future::ResponseFuture::failed(error.clone().into()),
        };
        // Who may not ask learns nothing from how long a look-up takes. Whose an allocation is must be known first.
        if is_denied(&known, target) {
            let (route, source) = (known.call.route.clone(), DirectoryError::PermissionDenied);
            let place = Err(LocateError::Directory { route, source });
            return future::ResponseFuture::calling(
                self.inner.call(Located { identified: known, location: place }),
            );
        }
        if node_in_body::may_name_node(&known.call.route, target) {
            // A body may take its time, in which nothing is kept that others need.
            self.inner = self.inner.clone();
            let reading = node_in_body::locate_by_body(known, self.directory.clone());
            return future::ResponseFuture::reading_body(self.inner.clone(), Box::pin(reading));
        }
        let mut place = look_up(&self.directory, &known, target);
        // Most places are known, and then nothing needs to be kept until they are.
        let mut noop = Context::from_waker(Waker::noop());
        if let Poll::Ready(place) = Pin::new(&mut place).poll(&mut noop) {
            return match future::into_located(known, place) {
                Ok(located) => future::ResponseFuture::calling(self.inner.call(located)),
                Err(error) => future::ResponseFuture::failed(error),
            };
        }
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        future::ResponseFuture::locating(inner, place, known)
    }
}

/// Begins to look for the target.
fn look_up<D: Directory, B>(directory: &D, known: &Identified<B>, target: &Target) -> D::Future {
    let caller = LookupContext::from_request(&known.request)
        .with_name_match(name_match(known.acl.advisory(), target));
    directory.locate(target, known.call.region.as_ref(), caller)
}

/// Whether the decision is no, whatever agent is found.
fn is_denied<B>(known: &Identified<B>, target: &Target) -> bool {
    let is_about_agents = !matches!(target, Target::Allocation(_));
    let decided =
        || known.acl.advisory().allows(&Requirement::for_route(&known.call.route), &Subject::Agent);
    is_about_agents && matches!(decided(), Decision::Deny(_))
}

/// How the caller may write the target. Who may not list agents could find them by the beginnings of their ids.
fn name_match(acl: &Acl, target: &Target) -> NameMatch {
    let Some(reading) = reading(target) else { return NameMatch::Exact };
    match acl.allows(&reading, &Subject::Agent) {
        Decision::Deny(_) | Decision::Defer { .. } => NameMatch::Exact,
        Decision::Allow(_) => NameMatch::Prefix,
    }
}

/// The right that tells of agents of this kind, so that a caller who has it may look for them; nothing for allocations,
/// which are asked for by their full id only.
const fn reading(target: &Target) -> Option<Requirement> {
    const NODES: Requirement = Requirement::new(&[&[Capability::Node(AccessLevel::Read)]]);
    const SERVERS: Requirement = Requirement::new(&[&[
        Capability::Agent(AccessLevel::Read),
        Capability::Node(AccessLevel::Read),
    ]]);
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
fn locate_error(call: &Call, error: DirectoryError) -> LocateError {
    match &call.params {
        Err(earlier) => earlier.clone().into(),
        Ok(_) => LocateError::Directory { route: call.route.clone(), source: error },
    }
}
