//! What passes the decision, and what does not.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use futures_util::FutureExt;
use http::Request;
use nomad_acl::{
    AccessRequest, Acl, Admit, Admitted, Destination, Identified, OnDefer, PermissionDenied,
    RegionMismatch, RegionScope, RegionalAcl, Subject,
};
use nomad_wire::Call;
use tower_service::Service;

struct FakeRequest {
    known: Identified<()>,
    subject: Subject,
    region: RegionScope,
}

impl AccessRequest for FakeRequest {
    type Body = ();

    fn identified(&self) -> &Identified<()> {
        &self.known
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn destination(&self) -> Destination<'_> {
        Destination::Agent(&self.region)
    }

    fn into_identified(self) -> Identified<()> {
        self.known
    }
}

/// Answers whatever reaches it.
#[derive(Debug, Clone, Copy)]
struct InnerService;

impl Service<Admitted<FakeRequest>> for InnerService {
    type Response = ();
    type Error = TestError;
    type Future = Ready<Result<(), TestError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TestError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Admitted<FakeRequest>) -> Self::Future {
        ready(Ok(()))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum TestError {
    Denied,
    Elsewhere(RegionMismatch),
}

impl From<PermissionDenied> for TestError {
    fn from(_: PermissionDenied) -> Self {
        Self::Denied
    }
}

impl From<RegionMismatch> for TestError {
    fn from(mismatch: RegionMismatch) -> Self {
        Self::Elsewhere(mismatch)
    }
}

fn request_to(
    path: &str,
    acl: RegionalAcl,
    subject: Subject,
    region: RegionScope,
    undecided: OnDefer,
) -> Result<(), TestError> {
    let request = Request::get(path).body(()).unwrap();
    let call = Call::parse(request.method(), request.uri()).unwrap();
    let question = FakeRequest { known: Identified { call, acl, request }, subject, region };
    Admit::new(InnerService).on_defer(undecided).call(question).now_or_never().unwrap()
}

const LOGS: &str = "/v1/client/fs/logs/13651909-dd6d-35ce-5da0-5004769668b3";

#[test]
fn what_cannot_be_decided_passes_only_where_an_agent_decides_behind() {
    for acl in [Acl::deny_all(), Acl::deferred()] {
        for (undecided, expected) in
            [(OnDefer::Deny, Err(TestError::Denied)), (OnDefer::Forward, Ok(()))]
        {
            let acl = RegionalAcl::new(RegionScope::Own, acl.clone());
            let passed = request_to(LOGS, acl, Subject::Unknown, RegionScope::Own, undecided);
            assert_eq!(passed, expected, "{undecided:?}");
        }
    }
}

#[test]
fn the_acl_of_one_region_admits_to_no_other() {
    let regions =
        [RegionScope::Own, RegionScope::Other("east".into()), RegionScope::Other("west".into())];
    for decided in &regions {
        for answers in &regions {
            for acl in [Acl::disabled(), Acl::management(), Acl::deferred()] {
                let acl = RegionalAcl::new(decided.clone(), acl);
                let passed = request_to(
                    "/v1/agent/self",
                    acl,
                    Subject::Agent,
                    answers.clone(),
                    OnDefer::Forward,
                );
                let mismatch = RegionMismatch {
                    acl_region: decided.clone(),
                    upstream_region: answers.clone(),
                };
                let expected =
                    if decided == answers { Ok(()) } else { Err(TestError::Elsewhere(mismatch)) };
                assert_eq!(passed, expected, "{decided} {answers}");
            }
        }
    }
    let everywhere = RegionalAcl::valid_everywhere(Acl::disabled());
    for answers in regions {
        let passed = request_to(
            "/v1/agent/self",
            everywhere.clone(),
            Subject::Agent,
            answers,
            OnDefer::Deny,
        );
        assert_eq!(passed, Ok(()));
    }
}
