//! A connection goes back to the pool only when the agent is known to be done with it.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case should stop")]

mod agent;
mod client;

use std::time::Duration;

use proptest::{collection::vec, prelude::*, sample::select};

use self::{
    agent::{Awkward, Case},
    client::{Call, Caller, Sends},
};

/// Nobody who asks for a plain answer waits longer: nothing but another's request could make them.
const AT_ONCE: Duration = Duration::from_millis(50);

fn under_virtual_time<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap().block_on(test)
}

/// Makes the calls one after the other, and a plain call and a change after each. Whatever happened before, those are
/// answered at once, by their own answer.
async fn nobody_waits_behind(calls: Vec<Call>) {
    let agent = Awkward::default();
    let mut caller = Caller::new(agent.clone());
    for call in calls {
        let said = format!("after {call:?}");
        caller.make(call).await;
        if matches!(call.case, Case::SaysMoreLater | Case::ClosesLate) {
            // Nobody can tell what comes late from the answer to a request that went out meanwhile.
            tokio::time::sleep(agent::LATER).await;
        }
        for probe in [Call::read(Case::Plain), Call::change(Case::Plain)] {
            let since = tokio::time::Instant::now();
            let (number, status, text) = caller.make(probe).await;
            assert_eq!((status, text), (200, number.to_string()), "{said}");
            assert!(since.elapsed() <= AT_ONCE, "{said}: {:?}", since.elapsed());
        }
    }
    caller.nothing_refused_is_carried_out().await;
}

fn calls() -> impl Strategy<Value = Call> {
    let method = select(vec!["GET", "HEAD", "POST"]);
    let sends = select(vec![Sends::Nothing, Sends::Small, Sends::Large, Sends::HalfAndWaits]);
    (method, select(Case::ALL.to_vec()), sends, any::<bool>()).prop_map(
        |(method, case, sends, is_read_to_its_end)| Call {
            method,
            case,
            sends: if method == "POST" { sends } else { Sends::Nothing },
            is_read_to_its_end,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_request_waits_behind_another_callers(calls in vec(calls(), 1..8)) {
        under_virtual_time(nobody_waits_behind(calls));
    }
}

#[test]
fn each_awkward_case_leaves_the_next_caller_alone() {
    for method in ["GET", "HEAD", "POST"] {
        for case in Case::ALL {
            for sends in [Sends::Nothing, Sends::Small, Sends::Large, Sends::HalfAndWaits] {
                if method == "POST" || sends == Sends::Nothing {
                    let call = Call { method, case, sends, is_read_to_its_end: true };
                    under_virtual_time(nobody_waits_behind(vec![call]));
                }
            }
        }
    }
}

#[test]
fn the_connection_of_an_ordinary_call_is_used_again() {
    under_virtual_time(async {
        let agent = Awkward::default();
        let mut caller = Caller::new(agent.clone());
        for _ in 0..4 {
            for call in [Call::read(Case::Plain), Call::change(Case::Plain)] {
                assert_eq!(caller.make(call).await.1, 200);
            }
        }
        assert_eq!(agent.connections(), 1);
    });
}

#[test]
fn what_an_agent_says_unasked_is_nobodys_answer() {
    under_virtual_time(async {
        let mut caller = Caller::new(Awkward::default());
        for _ in 0..1200 {
            let (number, status, text) = caller.make(Call::read(Case::SaysMoreLater)).await;
            assert_eq!((status, text), (200, number.to_string()));
            tokio::time::sleep(agent::LATER).await;
        }
    });
}
