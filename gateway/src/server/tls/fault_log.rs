//! Logs each TLS fault of an agent once.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use nomad_forward::Endpoint;

/// So many agents are remembered; then all are forgotten, and told once more.
const MAX_AGENTS: usize = 4096;

/// What was told of each agent. The directory tries again every few seconds, and the log should not grow with it.
#[derive(Debug, Clone, Default)]
pub(super) struct FaultLog(Arc<Mutex<HashMap<Endpoint, String>>>);

impl FaultLog {
    /// Logs what is wrong at an agent, unless that was the last that was told of it.
    pub(super) fn log_once(&self, agent: &Endpoint, error: &io::Error) {
        if self.is_new_fault(agent, error.to_string()) {
            tracing::warn!(%agent, %error, "no TLS with an agent");
        }
    }

    fn is_new_fault(&self, agent: &Endpoint, text: String) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(agent) == Some(&text) {
            return false;
        }
        if told.len() >= MAX_AGENTS {
            told.clear();
        }
        told.insert(agent.clone(), text);
        true
    }

    /// The agent can be reached: the next fault is a new one.
    pub(super) fn clear(&self, agent: &Endpoint) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(agent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_logged_once_until_it_is_gone() {
        let told = FaultLog::default();
        let (one, two) = (&Endpoint::host("one", 1), &Endpoint::host("two", 1));
        assert!(told.is_new_fault(one, "a".into()) && told.is_new_fault(two, "a".into()));
        assert!(!told.is_new_fault(one, "a".into()) && told.is_new_fault(one, "b".into()));
        told.clear(one);
        assert!(told.is_new_fault(one, "b".into()) && !told.is_new_fault(two, "a".into()));
        for port in 0..=u16::MAX {
            told.is_new_fault(&Endpoint::host("one", port), "a".into());
        }
        assert!(told.0.lock().unwrap().len() <= MAX_AGENTS);
    }
}
