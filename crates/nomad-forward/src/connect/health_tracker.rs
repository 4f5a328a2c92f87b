//! Which agents could not be reached lately, and when to retry them.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{Agent, Endpoint, agent::AgentKey, directory::Reachability};

/// How long an agent that could not be reached is left alone at first; the time doubles with each failure.
const INITIAL_BACKOFF: Duration = Duration::from_secs(1);

/// The longest it is left alone: an agent that can be reached again gets its direct way back within a minute, and one
/// that never can costs one caller a minute a second.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// How long an agent that accepted a request and did not answer is asked last where another one will do. As long as two
/// limits of an answer: one caller in this time finds out whether it answers again.
const TIMEOUT_PENALTY: Duration = Duration::from_secs(30);

/// With so many of them, those that nobody has tried for a while are forgotten: they may be gone for good.
const MAX_ENTRIES: usize = 1_024;

/// Agents that could not be reached. The usual case, none, costs one look at a counter.
#[derive(Debug, Default)]
pub(crate) struct HealthTracker {
    unreachable_count: AtomicUsize,
    unreachable: Mutex<HashMap<AgentKey, Backoff>>,
    /// Agents that accepted a request and did not answer in time, and until when that counts.
    timed_out: Mutex<HashMap<AgentKey, Instant>>,
    timed_out_count: AtomicUsize,
}

#[derive(Debug)]
struct Backoff {
    until: Instant,
    delay: Duration,
    /// Somebody tries it now; all others go around meanwhile.
    is_probed: bool,
}

impl HealthTracker {
    /// Whether the agent should be asked itself. The first to ask after a pause is the one who tries it.
    pub(crate) fn may_connect(&self, agent: &Agent) -> bool {
        if self.unreachable_count.load(Ordering::Relaxed) == 0 {
            return true;
        }
        let mut lost = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = lost.get_mut(&agent.key()) else { return true };
        let now = Instant::now();
        if now < entry.until {
            return false;
        }
        // Should the one who tries it never come back, the next one may try after the same pause.
        entry.until = now + entry.delay;
        entry.is_probed = true;
        true
    }

    /// Whether the agent could not be reached a moment ago.
    pub(crate) fn is_unreachable(&self, agent: &Agent) -> bool {
        self.unreachable_count.load(Ordering::Relaxed) != 0 && {
            let lost = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
            lost.get(&agent.key()).is_some_and(|entry| Instant::now() < entry.until)
        }
    }

    /// Whether some agent at this endpoint could not be reached a moment ago.
    pub(crate) fn is_unreachable_at(&self, endpoint: &Endpoint) -> bool {
        self.unreachable_count.load(Ordering::Relaxed) != 0 && {
            let lost = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            lost.iter().any(|(agent, entry)| agent.endpoint() == endpoint && now < entry.until)
        }
    }

    /// Notes that the agent accepted a request and did not answer in time.
    pub(crate) fn observe_timeout(&self, agent: &Agent) {
        let mut silent = self.timed_out.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        silent.retain(|_, until| now < *until);
        if silent.len() < MAX_ENTRIES {
            silent.insert(agent.key(), now + TIMEOUT_PENALTY);
        }
        self.timed_out_count.store(silent.len(), Ordering::Relaxed);
    }

    /// Whether others should be asked before the agent: it could not be reached a moment ago, or did not answer.
    pub(crate) fn is_last(&self, agent: &Agent) -> bool {
        self.is_unreachable(agent)
            || self.timed_out_count.load(Ordering::Relaxed) != 0 && {
                let silent = self.timed_out.lock().unwrap_or_else(PoisonError::into_inner);
                silent.get(&agent.key()).is_some_and(|until| Instant::now() < *until)
            }
    }

    /// What an attempt came to.
    pub(crate) fn observe(&self, agent: &Agent, reachable: Reachability) {
        if reachable == Reachability::Reachable
            && self.unreachable_count.load(Ordering::Relaxed) == 0
        {
            return;
        }
        let mut lost = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
        match reachable {
            Reachability::Reachable => drop(lost.remove(&agent.key())),
            Reachability::Unreachable => {
                let now = Instant::now();
                if lost.len() >= MAX_ENTRIES {
                    lost.retain(|_, entry| now < entry.until + MAX_BACKOFF);
                }
                let entry = lost.entry(agent.key()).or_insert(Backoff {
                    until: now,
                    delay: INITIAL_BACKOFF / 2,
                    is_probed: true,
                });
                // Requests that failed side by side are one failure.
                if entry.is_probed || entry.until <= now {
                    entry.delay = (entry.delay * 2).min(MAX_BACKOFF);
                    entry.until = now + entry.delay;
                    entry.is_probed = false;
                }
            }
        }
        self.unreachable_count.store(lost.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use nomad_wire::Region;
    use tokio::time::advance;

    use super::*;

    const ADDRESS: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

    fn client(id: &str) -> Agent {
        Agent::client("client1", id.parse().unwrap(), Region::default(), ADDRESS).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_unreachable_agent_is_tried_with_exponential_backoff() {
        let (reach, agent) = (HealthTracker::default(), Agent::seed(Region::default(), ADDRESS));
        assert!(reach.may_connect(&agent));
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            // Two requests fail at once.
            reach.observe(&agent, Reachability::Unreachable);
            reach.observe(&agent, Reachability::Unreachable);
            assert!(reach.is_unreachable(&agent) && !reach.may_connect(&agent));
            advance(Duration::from_secs(pause) - Duration::from_millis(1)).await;
            assert!(!reach.may_connect(&agent), "after {pause}");
            advance(Duration::from_millis(1)).await;
            assert!(reach.may_connect(&agent), "after {pause}");
            assert!(!reach.may_connect(&agent), "one tries, the others go around");
        }
        reach.observe(&agent, Reachability::Reachable);
        assert!(reach.may_connect(&agent) && !reach.is_unreachable(&agent));
    }

    #[tokio::test(start_paused = true)]
    async fn an_unreachable_agent_says_nothing_of_another_one_at_the_same_address() {
        let reach = HealthTracker::default();
        let one = client("9bb118cc-7630-ebf4-b8b8-c11ee8847863");
        let two = client("078367fb-eec8-87bf-8d99-0c0a5e3f7c7c");
        reach.observe(&one, Reachability::Unreachable);
        assert!(reach.is_unreachable(&one) && !reach.is_unreachable(&two));
        assert!(reach.is_unreachable_at(one.endpoint()));
    }
}
