//! Many clients while one agent after the other breaks: the properties that must hold in every interleaving.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use tokio::{
    sync::{Notify, RwLock},
    task::JoinSet,
};

use crate::{
    agent::Fault,
    cluster::{Cluster, call},
    fleet::{ALLOCS, NODES},
};

const CLIENT_COUNT: usize = 24;

/// Number of calls in each state of the cluster.
const CALLS: usize = 60;

const FAULTS: [Fault; 6] =
    [Fault::Refuse, Fault::Reset, Fault::HangUp, Fault::HalfHead, Fault::Garbage, Fault::HalfBody];

/// State shared by the clients and the task that breaks the agents.
struct Storm {
    cluster: Cluster,
    /// Read-locked by each call; the write lock waits until no call is in flight.
    calls: RwLock<()>,
    made: AtomicUsize,
    progress: Notify,
    next: AtomicU64,
}

/// A small random number generator: the same storm every time.
fn mix(seed: u64) -> usize {
    let mixed = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from((mixed ^ (mixed >> 29)) >> 33).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_doubled_or_mixed_up_while_agents_break() {
    let storm = Arc::new(Storm {
        cluster: Cluster::start().await,
        calls: RwLock::new(()),
        made: AtomicUsize::new(0),
        progress: Notify::new(),
        next: AtomicU64::new(0),
    });
    let mut clients = JoinSet::new();
    for _ in 0..CLIENT_COUNT {
        let storm = Arc::clone(&storm);
        clients.spawn(async move {
            loop {
                storm.one_call().await;
            }
        });
    }
    let breaking = async {
        for fault in FAULTS {
            for agent in storm.cluster.servers.iter().chain(&storm.cluster.clients) {
                agent.set_fault(fault);
                storm.calls_made(CALLS).await;
                agent.set_fault(Fault::None);
                // No call may meet two faults: each read uses a fallback once.
                drop(storm.calls.write().await);
            }
        }
    };
    tokio::select! {
        () = breaking => {}
        Some(failed) = clients.join_next() => failed.unwrap(),
    }
}

impl Storm {
    async fn calls_made(&self, count: usize) {
        let goal = self.made.load(Ordering::Relaxed) + count;
        while self.made.load(Ordering::Relaxed) < goal {
            self.progress.notified().await;
        }
    }

    async fn one_call(&self) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (kind, node) = (mix(number) % 6, mix(number / 2) % 2);
        let (method, path, owner) = match kind {
            0 | 1 => ("GET", "/v1/jobs".to_owned(), None),
            2 => ("GET", format!("/v1/client/stats?node_id={}", NODES[node]), Some(node)),
            3 => ("GET", format!("/v1/client/fs/ls/{}?path=/", ALLOCS[node]), Some(node)),
            4 => ("POST", "/v1/jobs".to_owned(), None),
            _ => ("GET", format!("/v1/client/gc?node_id={}", NODES[node]), Some(node)),
        };
        let name = format!("call-{number}");
        let held = self.calls.read().await;
        let outcome = call(self.cluster.gateway, &name, method, &path).await;
        drop(held);
        let done = self.cluster.fleet.carried_out_by(&name).len();
        let is_change = kind >= 4;
        let said = format!("{method} {path}: {outcome:?}, done {done} times");
        if is_change {
            assert!(done <= 1, "{said}");
            assert!(outcome.status != 200 || done == 1, "{said}");
            assert!(matches!(outcome.status, 0 | 200 | 502), "{said}");
        } else {
            // Only a response that has started can break off.
            assert!(outcome.status == 200 || !outcome.is_whole, "{said}");
        }
        if let (200, Some(owner)) = (outcome.status, owner) {
            assert_eq!(outcome.done_by, crate::fleet::CLIENTS[owner], "{said}");
        }
        self.made.fetch_add(1, Ordering::Relaxed);
        self.progress.notify_one();
    }
}
