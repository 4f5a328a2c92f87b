//! `harden`: closes what Nomad leaves open, or denies without saying so.
//!
//! | call | Nomad | here |
//! |---|---|---|
//! | `/v1/metrics` | everybody | `agent:read` |
//! | `/v1/agent/join` | everybody, with a warning | `agent:write` |
//! | `/debug/…` | everybody, where `enable_debug` is on | nobody: `/v1/agent/pprof/…` is the way that asks for a right |
//! | `/v1/event/stream` | a denial is 200 and nothing | what the topics demand, and 403 |
//!
//! Where ACLs are off everybody may do all of it but `/debug`; where the agents alone decide nothing is decided here.

mod events;
mod layer;

use std::task::{Context, Poll};

use http::{Method, Uri};
use nomad_acl::{
    AccessLevel, AccessRequest, Acl, Capability, Decision, Identified, PermissionDenied,
    RegionMismatch, RegionScope, Requirement, Subject,
};
use nomad_wire::Route;
use thiserror::Error;
use tower_service::Service;

pub use self::layer::HardenLayer;
use crate::layers::future::ResponseFuture;

/// Why a guarded call goes no further.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HardenError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] PermissionDenied),
    /// The rights are not those of the region that answers.
    #[error(transparent)]
    Region(#[from] RegionMismatch),
    /// Profiles that ask for no right.
    #[error("/debug is not passed on; /v1/agent/pprof is")]
    DebugPath,
}

/// Hands on what is not guarded, and what the caller may do.
#[derive(Debug, Clone)]
pub struct Harden<S> {
    inner: S,
}

impl<S> Harden<S> {
    /// Stands before `inner`.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, Q> Service<Q> for Harden<S>
where
    Q: AccessRequest,
    S: Service<Q>,
    S::Error: From<HardenError>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, HardenError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, question: Q) -> Self::Future {
        match check(&question) {
            Ok(()) => ResponseFuture::calling(self.inner.call(question)),
            Err(error) => ResponseFuture::failed(error),
        }
    }
}

const AGENT_READ: Requirement = Requirement::new(&[&[Capability::Agent(AccessLevel::Read)]]);
const AGENT_WRITE: Requirement = Requirement::new(&[&[Capability::Agent(AccessLevel::Write)]]);

fn check<Q: AccessRequest>(question: &Q) -> Result<(), HardenError> {
    let known = question.identified();
    if known.call.route == Route::Pass {
        return check_pass(known, known.request.method(), known.request.uri());
    }
    match known.call.route.spec().guard {
        None => Ok(()),
        Some(requires) => {
            let acl = question.destination().acl(known)?;
            require(acl, &Requirement::required(requires), &Subject::Agent)
        }
    }
}

/// What goes to servers. They answer for their metrics themselves, whatever region is named; events they fetch there, and
/// decide about them once more.
fn check_pass<B>(known: &Identified<B>, method: &Method, uri: &Uri) -> Result<(), HardenError> {
    match &*Route::decoded_path(uri) {
        "/v1/metrics" => {
            require(known.acl.for_region(&RegionScope::Own)?, &AGENT_READ, &Subject::Agent)
        }
        "/v1/event/stream" if method == Method::GET => events::check(known.acl.advisory(), uri),
        // Nomad 1.7 and older take an escaped slash for one, and serve what is no such call to newer ones.
        "/v1/agent/join" => {
            require(known.acl.for_region(&RegionScope::Own)?, &AGENT_WRITE, &Subject::Agent)
        }
        "/debug" => Err(HardenError::DebugPath),
        path if path.starts_with("/debug/") => Err(HardenError::DebugPath),
        _ => Ok(()),
    }
}

fn require(acl: &Acl, demanded: &Requirement, subject: &Subject) -> Result<(), HardenError> {
    match acl.allows(demanded, subject) {
        // Where the agents alone decide nothing is guarded.
        Decision::Allow(_) | Decision::Defer { .. } => Ok(()),
        Decision::Deny(reason) => Err(PermissionDenied { reason }.into()),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use nomad_acl::{Destination, Policy, RegionalAcl};
    use nomad_wire::Call;

    use super::*;

    struct Question {
        known: Identified<()>,
        region: RegionScope,
    }

    impl AccessRequest for Question {
        type Body = ();

        fn identified(&self) -> &Identified<()> {
            &self.known
        }

        fn subject(&self) -> &Subject {
            &Subject::Agent
        }

        fn destination(&self) -> Destination<'_> {
            Destination::Agent(&self.region)
        }

        fn into_identified(self) -> Identified<()> {
            self.known
        }
    }

    fn decided(acl: &Acl, method: Method, uri: &str) -> Result<(), HardenError> {
        decided_in(RegionalAcl::new(RegionScope::Own, acl.clone()), method, uri)
    }

    /// The same with rights of any region, where the own one answers.
    fn decided_in(acl: RegionalAcl, method: Method, uri: &str) -> Result<(), HardenError> {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        let call = Call::parse(request.method(), request.uri()).unwrap();
        check(&Question { known: Identified { call, acl, request }, region: RegionScope::Own })
    }

    fn compiled(rules: &str) -> Acl {
        let policy: Policy = rules.parse().unwrap();
        Acl::compile([("one", &policy)])
    }

    #[test]
    fn rights_of_another_region_open_nothing_here() {
        let west = RegionScope::Other("west".into());
        for acl in [Acl::disabled(), Acl::management(), compiled("agent { policy = \"write\" }")] {
            for (method, uri) in [
                (Method::GET, "/v1/metrics?region=west"),
                (Method::PUT, "/v1/agent/join?region=west&address=10.0.0.9"),
            ] {
                let rights = RegionalAcl::new(west.clone(), acl.clone());
                let decided = decided_in(rights, method, uri);
                assert!(matches!(decided, Err(HardenError::Region(_))), "{uri}: {decided:?}");
            }
        }
    }

    #[test]
    fn what_is_open_at_agents_costs_a_right_here() {
        let reader = compiled("agent { policy = \"read\" }");
        for (acl, metrics, join) in [
            (Acl::deny_all(), false, false),
            (reader, true, false),
            (compiled("agent { policy = \"write\" }"), true, true),
            (compiled("node { policy = \"write\" }"), false, false),
            (Acl::management(), true, true),
            (Acl::disabled(), true, true),
            (Acl::deferred(), true, true),
        ] {
            for path in ["/v1/metrics", "/v1/metrics?format=prometheus", "/v1/metric%73"] {
                assert_eq!(decided(&acl, Method::GET, path).is_ok(), metrics, "{path} {acl:?}");
            }
            let joined = decided(&acl, Method::PUT, "/v1/agent/join?address=10.0.0.9");
            assert_eq!(joined.is_ok(), join, "{acl:?}");
        }
        assert!(decided(&Acl::deny_all(), Method::GET, "/v1/jobs").is_ok(), "a server decides");
    }

    #[test]
    fn debug_is_for_nobody() {
        for path in ["/debug", "/debug/pprof/heap", "/%64ebug/pprof/", "/debug%2Fpprof/heap"] {
            let decided = decided(&Acl::management(), Method::GET, path);
            assert_eq!(decided, Err(HardenError::DebugPath), "{path}");
        }
        assert!(decided(&Acl::deny_all(), Method::GET, "/debugger").is_ok());
    }

    /// What Go's mux makes of many spellings (recorded beside nomad-wire's tests): whatever reaches a guarded handler is
    /// guarded.
    #[test]
    fn no_spelling_of_a_hardened_path_is_open() {
        let mut seen = 0;
        for line in include_str!("../../../nomad-wire/tests/mux/spellings.tsv").lines() {
            let columns: Vec<_> = line.split('\t').collect();
            let (method, guarded) = match columns[1] {
                "/v1/metrics" | "/v1/event/stream" => (Method::GET, true),
                "/v1/agent/join" => (Method::PUT, true),
                pattern => (Method::GET, pattern.starts_with("/debug")),
            };
            let uri: Uri = columns[0].parse().unwrap();
            if guarded && Route::parse(&method, &uri).is_ok() {
                seen += 1;
                assert!(decided(&Acl::deny_all(), method, columns[0]).is_err(), "{line}");
            }
        }
        assert!(seen > 30, "{seen} spellings of what is guarded");
    }

    #[test]
    fn an_escaped_slash_opens_nothing_with_an_older_nomad() {
        for (method, path) in [(Method::GET, "/v1%2Fmetrics"), (Method::PUT, "/v1/agent%2Fjoin")] {
            assert!(decided(&Acl::deny_all(), method.clone(), path).is_err(), "{path}");
            assert!(decided(&Acl::management(), method, path).is_ok(), "{path}");
        }
    }
}
