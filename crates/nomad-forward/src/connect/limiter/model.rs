//! Model test: each permit is counted exactly once for as long as it is held.

use std::sync::Arc;

use proptest::{collection::vec, prelude::*, sample::select};
use tokio::time::{advance, timeout};

use super::*;
use crate::connect::{driver::Driver, paused::PAUSE_LIMIT};

/// Two for streams and blocking queries, one for uploads.
const BUDGET: ConnectionLimits =
    ConnectionLimits { connections: 11, queued: 4, queue_timeout: Duration::from_secs(5) };

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A request that does not wait.
    Try(Lease),
    /// A request that makes room where it can, and leaves when it has no place then.
    Enter(Lease),
    /// The client of a response stops reading, reads on, or leaves.
    Pause(usize),
    Resume(usize),
    Leave(usize),
    Advance(Duration),
}

fn steps() -> impl Strategy<Value = Step> {
    let lease = || select(vec![Lease::Short, Lease::Upload, Lease::Blocking, Lease::Stream]);
    prop_oneof![
        3 => lease().prop_map(Step::Try),
        3 => lease().prop_map(Step::Enter),
        6 => (0..12_usize).prop_map(Step::Pause),
        2 => (0..12_usize).prop_map(Step::Resume),
        1 => (0..12_usize).prop_map(Step::Leave),
        2 => (0..3_000_u64).prop_map(|millis| Step::Advance(Duration::from_millis(millis))),
    ]
}

/// A connection and its response.
struct Response {
    slot: Arc<PauseSlot>,
    asked: Lease,
    /// While it is read.
    held: Option<(Driver, Permit)>,
    paused: Option<Instant>,
    /// Gone when the connection is closed.
    open: Arc<()>,
}

impl Response {
    fn new(queue: &Limiter, asked: Lease, place: Permit) -> Self {
        let open = Arc::new(());
        let socket = Arc::clone(&open);
        let driver = Driver::new(async move {
            let _socket = socket;
            std::future::pending::<()>().await;
        });
        Self { slot: queue.add_slot(), asked, held: Some((driver, place)), paused: None, open }
    }

    fn pause(&mut self) {
        if let Some((driver, place)) = self.held.take() {
            self.slot.pause(driver, place);
            self.paused = Some(Instant::now());
        }
    }

    /// Whether it is there still.
    fn resume(&mut self) -> bool {
        if self.paused.take().is_none() {
            return true;
        }
        self.held = self.slot.resume().ok().flatten();
        self.held.is_some()
    }

    /// What it counts as; nothing when it was ended.
    fn lease(&self) -> Option<Lease> {
        let held = self.held.as_ref().map(|(_, place)| place.lease());
        let lease = held.or_else(|| self.slot.lease());
        assert_eq!(lease.is_some(), Arc::strong_count(&self.open) > 1, "an ended one is closed");
        lease
    }

    fn is_untaken(&self) -> bool {
        self.paused.is_some_and(|since| since.elapsed() >= PAUSE_LIMIT)
    }
}

struct Model {
    queue: Limiter,
    responses: Vec<Response>,
}

impl Model {
    async fn step(&mut self, step: Step) {
        match step {
            Step::Try(lease) => self.entered(lease, self.queue.try_acquire(lease).ok()),
            Step::Enter(lease) => {
                let place = timeout(Duration::ZERO, self.queue.acquire(lease)).await;
                let is_refused = !matches!(place, Ok(Ok(_)));
                self.entered(lease, place.ok().and_then(Result::ok));
                assert!(lease != Lease::Short || !is_refused || !self.has_untaken(), "not served");
            }
            Step::Pause(n) => self.with(n, Response::pause),
            Step::Resume(n) if n < self.responses.len() => {
                if !self.responses[n].resume() {
                    self.responses.swap_remove(n);
                }
            }
            Step::Leave(n) if n < self.responses.len() => drop(self.responses.swap_remove(n)),
            Step::Resume(_) | Step::Leave(_) => {}
            Step::Advance(time) => advance(time).await,
        }
    }

    fn entered(&mut self, lease: Lease, place: Option<Permit>) {
        let response = place.map(|place| Response::new(&self.queue, lease, place));
        self.responses.extend(response);
    }

    fn with(&mut self, n: usize, change: impl FnOnce(&mut Response)) {
        self.responses.get_mut(n).map(change);
    }

    /// A response that could be ended for a short call.
    fn has_untaken(&self) -> bool {
        let is_short = |lease| matches!(lease, Lease::Short | Lease::Upload);
        self.responses.iter().any(|one| one.is_untaken() && one.lease().is_some_and(is_short))
    }

    fn check(&self) {
        let mut expected = [0; 4];
        for response in &self.responses {
            let Some(lease) = response.lease() else {
                assert!(response.is_untaken(), "only what is not taken is ended");
                assert!(matches!(response.asked, Lease::Short | Lease::Upload), "a stream ended");
                continue;
            };
            assert!(lease == response.asked || lease == Lease::Stream);
            expected[0] += 1;
            expected[1] += usize::from(matches!(lease, Lease::Blocking | Lease::Stream));
            expected[2] += usize::from(lease == Lease::Upload);
            expected[3] += usize::from(lease == Lease::Stream);
        }
        assert_eq!(self.queue.permits.counts(), expected);
        assert_eq!(self.queue.queued.load(Ordering::Relaxed), 0);
    }
}

async fn places_are_counted_once(steps: Vec<Step>) {
    let mut model = Model { queue: Limiter::new(BUDGET), responses: Vec::new() };
    for step in steps {
        model.step(step).await;
        model.check();
    }
    model.responses.clear();
    assert_eq!(model.queue.permits.counts(), [0; 4], "all are given back");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_place_is_lost_or_counted_twice(steps in vec(steps(), 1..120)) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(places_are_counted_once(steps));
    }
}
