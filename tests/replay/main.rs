//! Replays the recorded calls of a real cluster against this one, and compares the responses.
//!
//! `recorded/answers-1.0.18.jsonl.gz` holds the responses of a Nomad 1.0.18 cluster's agents, with ACLs off and on.
//! The same calls are made to a fleet of reference agents with the same ids, allocations and policies, and the
//! responses are compared. Every difference belongs to a class that `docs/differences.md` explains, or the test
//! fails.
//!
//! A reference agent relays nothing, so calls that a real agent would have relayed go to the gateway.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its case should stop"
)]

mod calls;
mod classes;
mod compare;
mod ours;
mod policies;
mod recorded;
mod tasks;
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::{sync::Semaphore, task::JoinSet};

use self::{classes::CLASSES, compare::Difference, recorded::RecordedCall, world::ReplayCluster};

/// Number of calls at once: streams are silent for up to a second before they send anything.
const MAX_CONCURRENT: usize = 24;

/// The results for one cluster.
#[derive(Default)]
struct Tally {
    calls: usize,
    agree: usize,
    /// Class → calls.
    explained: BTreeMap<&'static str, BTreeSet<String>>,
    unexplained: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn without_acls_responses_are_those_of_a_real_cluster() {
    replay("noacl").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_acls_responses_are_those_of_a_real_cluster() {
    replay("acl").await;
}

async fn replay(cluster: &str) {
    let (names, calls) = recorded::load(cluster);
    let world = Arc::new(ReplayCluster::start(names).await);
    let places = Arc::new(Semaphore::new(MAX_CONCURRENT));
    // The profiler serves one client at a time.
    let profiler = Arc::new(Semaphore::new(1));
    let mut asking = JoinSet::new();
    for mut call in calls {
        call.is_relayed = calls::needs_relay(&world, &call);
        let (world, places, profiler) = (Arc::clone(&world), places.clone(), profiler.clone());
        asking.spawn(async move {
            let _alone = if call.path.contains("/pprof/profile") {
                Some(profiler.acquire_owned().await.unwrap())
            } else {
                None
            };
            let _place = places.acquire_owned().await.unwrap();
            let ours = calls::send(&world, &call).await;
            let differences = compare::compare(&world, &call, &ours);
            (call, differences)
        });
    }
    let mut tally = Tally::default();
    while let Some(answered) = asking.join_next().await {
        let (call, differences) = answered.unwrap();
        tally.count(&call, differences);
    }
    tally.print(cluster);
    assert!(
        tally.unexplained.is_empty(),
        "{} differences that nobody explains:\n{}",
        tally.unexplained.len(),
        tally.unexplained.join("\n")
    );
}

impl Tally {
    fn count(&mut self, call: &RecordedCall, differences: Vec<Difference>) {
        self.calls += 1;
        if differences.is_empty() {
            self.agree += 1;
        }
        for difference in differences {
            match CLASSES.iter().find(|class| (class.holds)(call, &difference)) {
                Some(class) => {
                    self.explained.entry(class.name).or_default().insert(call.id.clone());
                }
                None => self.unexplained.push(format!("{}: {difference}", call.id)),
            }
        }
        self.unexplained.sort();
    }

    #[expect(clippy::print_stdout, reason = "the table is what one reads the test for")]
    fn print(&self, cluster: &str) {
        println!("{cluster}: {} of {} calls agree", self.agree, self.calls);
        for (class, calls) in &self.explained {
            println!("{:>6}  {class}", calls.len());
        }
        println!("{:>6}  unexplained", self.unexplained.len());
    }
}

#[test]
fn every_class_of_differences_is_explained() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/differences.md");
    let page = std::fs::read_to_string(page).unwrap();
    for class in CLASSES {
        assert!(
            page.contains(&format!("| {} |", class.name)),
            "{} is not in the table",
            class.name
        );
    }
}
