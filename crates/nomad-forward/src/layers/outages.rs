//! Logs an outage once when it starts and once when it ends, not with every request.

use std::{
    collections::HashMap,
    error::Error,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Response;
use tokio::time::Instant;

use crate::{
    Agent,
    layers::{attribution::responding_agent, forward::ForwardError},
};

/// An agent answers again when a request succeeds and none has failed for so long. One that answers every other request
/// costs a line in this time, not a line a request.
const QUIET_PERIOD: Duration = Duration::from_secs(5);

/// So many agents are remembered; then all are forgotten, and told once more.
const MAX_AGENTS: usize = 4096;

/// The agents that fail now, by name. The usual case, none, costs one look at a counter.
#[derive(Debug, Default)]
pub(crate) struct Outages {
    count: AtomicUsize,
    failing: Mutex<HashMap<Box<str>, Outage>>,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    last: Instant,
    failed: u64,
}

impl Outages {
    /// A request got no answer. The first failure of an agent is logged; others are counted.
    pub(crate) fn record_failure(&self, error: &ForwardError) {
        let agent = match FailureSource::from_error(error) {
            FailureSource::Agent(agent) => agent,
            FailureSource::Client => {
                return tracing::debug!(
                    error = error as &dyn Error,
                    "a caller broke its request off"
                );
            }
        };
        if self.begin_or_count(agent.name()) {
            let (agent, error) = (agent.name(), error as &dyn Error);
            tracing::warn!(agent, error, "no answer from an agent; more of it is counted");
        } else {
            tracing::debug!(error = error as &dyn Error, "no answer from the agent");
        }
    }

    /// An answer came, from the agent that its head names.
    pub(crate) fn record_success<B>(&self, answer: &Response<B>) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let Some(agent) = responding_agent(answer).and_then(|name| name.to_str().ok()) else {
            return;
        };
        if let Some(outage) = self.end_if_quiet(agent) {
            let seconds = outage.since.elapsed().as_secs_f64();
            tracing::warn!(agent, failed = outage.failed, seconds, "an agent answers again");
        }
    }

    fn begin_or_count(&self, agent: &str) -> bool {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(outage) = failing.get_mut(agent) {
            outage.last = now;
            outage.failed += 1;
            return false;
        }
        if failing.len() >= MAX_AGENTS {
            failing.clear();
        }
        failing.insert(agent.into(), Outage { since: now, last: now, failed: 1 });
        self.count.store(failing.len(), Ordering::Relaxed);
        true
    }

    fn end_if_quiet(&self, agent: &str) -> Option<Outage> {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        if failing.get(agent)?.last.elapsed() < QUIET_PERIOD {
            return None;
        }
        let outage = failing.remove(agent);
        self.count.store(failing.len(), Ordering::Relaxed);
        outage
    }
}

/// Whose fault it is that a request got no answer.
enum FailureSource<'a> {
    Agent(&'a Agent),
    Client,
}

impl<'a> FailureSource<'a> {
    fn from_error(error: &'a ForwardError) -> Self {
        match error {
            ForwardError::Upload { .. } => Self::Client,
            ForwardError::Connect { agent, .. }
            | ForwardError::Reopen { agent, .. }
            | ForwardError::Lost { agent, .. }
            | ForwardError::ResponseTimeout { agent, .. }
            | ForwardError::HealthCheckFailed { agent, .. }
            | ForwardError::UnexpectedUpgrade { agent } => Self::Agent(agent),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use nomad_wire::header::X_NOMAD_GATEWAY_AGENT;
    use tokio::time::advance;

    use super::*;

    fn from(agent: &'static str) -> Response<()> {
        let mut response = Response::new(());
        response.headers_mut().insert(X_NOMAD_GATEWAY_AGENT, HeaderValue::from_static(agent));
        response
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_logged_when_it_begins_and_when_it_ends() {
        let outages = Outages::default();
        assert!(outages.begin_or_count("one") && outages.begin_or_count("two"));
        for _ in 0..1000 {
            assert!(!outages.begin_or_count("one"));
        }
        advance(QUIET_PERIOD).await;
        assert!(outages.end_if_quiet("three").is_none());
        let over = outages.end_if_quiet("one").unwrap();
        assert_eq!((over.failed, over.since.elapsed()), (1001, QUIET_PERIOD));
        assert!(outages.end_if_quiet("one").is_none(), "it is told once");
        assert!(outages.begin_or_count("one"), "the next outage is a new one");
        outages.record_success(&from("two"));
        assert_eq!(outages.count.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_fails_now_and_then_is_logged_seldom() {
        let outages = Outages::default();
        let mut told = 0;
        for _ in 0..10_000 {
            told += u32::from(outages.begin_or_count("one"));
            told += u32::from(outages.end_if_quiet("one").is_some());
            advance(Duration::from_millis(10)).await;
        }
        assert_eq!(told, 1, "in a hundred seconds");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let outages = Outages::default();
        for number in 0..3 * MAX_AGENTS {
            assert!(outages.begin_or_count(&number.to_string()));
        }
        assert!(outages.count.load(Ordering::Relaxed) <= MAX_AGENTS);
    }
}
