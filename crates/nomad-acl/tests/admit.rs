//! What passes the decision, and what does not.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use futures_util::FutureExt;
use http::Request;
use nomad_acl::{
    Acl, Admit, Admitted, Answerer, Ask, Denied, Known, RegionMismatch, RegionScope, RegionalAcl,
    Subject, Undecided,
};
use nomad_wire::Call;
use tower_service::Service;

struct Question {
    known: Known<()>,
    subject: Subject,
    region: RegionScope,
}

impl Ask for Question {
    type Body = ();

    fn known(&self) -> &Known<()> {
        &self.known
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn answerer(&self) -> Answerer<'_> {
        Answerer::Agent(&self.region)
    }

    fn into_known(self) -> Known<()> {
        self.known
    }
}

/// Answers whatever reaches it.
#[derive(Debug, Clone, Copy)]
struct Behind;

impl Service<Admitted<Question>> for Behind {
    type Response = ();
    type Error = Refused;
    type Future = Ready<Result<(), Refused>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Admitted<Question>) -> Self::Future {
        ready(Ok(()))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Refused {
    Denied,
    Elsewhere(RegionMismatch),
}

impl From<Denied> for Refused {
    fn from(_: Denied) -> Self {
        Self::Denied
    }
}

impl From<RegionMismatch> for Refused {
    fn from(mismatch: RegionMismatch) -> Self {
        Self::Elsewhere(mismatch)
    }
}

fn asked(
    path: &str,
    acl: RegionalAcl,
    subject: Subject,
    region: RegionScope,
    undecided: Undecided,
) -> Result<(), Refused> {
    let request = Request::get(path).body(()).unwrap();
    let call = Call::parse(request.method(), request.uri()).unwrap();
    let question = Question { known: Known { call, acl, request }, subject, region };
    Admit::new(Behind).undecided(undecided).call(question).now_or_never().unwrap()
}

const LOGS: &str = "/v1/client/fs/logs/13651909-dd6d-35ce-5da0-5004769668b3";

#[test]
fn what_cannot_be_decided_passes_only_where_an_agent_decides_behind() {
    for acl in [Acl::deny_all(), Acl::deferred()] {
        for (undecided, expected) in
            [(Undecided::Refuse, Err(Refused::Denied)), (Undecided::HandOn, Ok(()))]
        {
            let acl = RegionalAcl::of(RegionScope::Own, acl.clone());
            let passed = asked(LOGS, acl, Subject::Unknown, RegionScope::Own, undecided);
            assert_eq!(passed, expected, "{undecided:?}");
        }
    }
}

#[test]
fn rights_of_one_region_admit_to_no_other() {
    let regions =
        [RegionScope::Own, RegionScope::Other("east".into()), RegionScope::Other("west".into())];
    for decided in &regions {
        for answers in &regions {
            for acl in [Acl::disabled(), Acl::management(), Acl::deferred()] {
                let acl = RegionalAcl::of(decided.clone(), acl);
                let passed = asked(
                    "/v1/agent/self",
                    acl,
                    Subject::Agent,
                    answers.clone(),
                    Undecided::HandOn,
                );
                let mismatch =
                    RegionMismatch { decided: decided.clone(), answers: answers.clone() };
                let expected =
                    if decided == answers { Ok(()) } else { Err(Refused::Elsewhere(mismatch)) };
                assert_eq!(passed, expected, "{decided} {answers}");
            }
        }
    }
    let everywhere = RegionalAcl::everywhere(Acl::disabled());
    for answers in regions {
        let passed =
            asked("/v1/agent/self", everywhere.clone(), Subject::Agent, answers, Undecided::Refuse);
        assert_eq!(passed, Ok(()));
    }
}
