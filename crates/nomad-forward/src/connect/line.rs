//! What there is to one listener: the connections that wait, and the places of all.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use super::{
    Budget, ConnectError, Lease, connection::Wire, paused::PauseSlot, place::Place, queue::Queue,
};
use crate::Agent;

/// So many idle connections an agent: an agent allows 100 from one address, and streams need theirs.
const MAX_IDLE: usize = 32;

/// What there is to one listener.
#[derive(Debug)]
pub(super) struct Line<B> {
    idle: Mutex<Vec<Wire<B>>>,
    queue: Queue,
}

impl<B> Line<B> {
    pub(super) fn new(budget: Budget) -> Self {
        Self { idle: Mutex::default(), queue: Queue::new(budget) }
    }

    /// A place for one request, at once or in turn.
    pub(super) async fn enter(&self, lease: Lease) -> Result<Place, ConnectError> {
        self.queue.enter(lease).await
    }

    /// A place for one request, if there is one now.
    pub(super) fn try_enter(&self, lease: Lease) -> Result<Place, ConnectError> {
        self.queue.try_enter(lease)
    }

    /// Where a new connection lets its response wait.
    pub(super) fn add_slot(&self) -> Arc<PauseSlot> {
        self.queue.add_slot()
    }

    /// Lets a connection wait, unless enough do.
    pub(super) fn keep(&self, wire: Wire<B>) {
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE {
            idle.push(wire);
        }
    }

    /// Closes what has waited for too long. Says whether any is left.
    pub(super) fn sweep(&self) -> bool {
        let mut idle = self.idle();
        idle.retain_mut(Wire::is_alive);
        !idle.is_empty()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Wire<B>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that waited for this agent, at best one that this thread made: the socket of another wakes that thread first.
    /// One of another thread all the same when there may be no new one. When none that waits is of use, one makes
    /// room.
    pub(super) fn take_idle(&self, agent: &Agent) -> Option<Wire<B>> {
        let here = thread::current().id();
        let mut idle = self.idle();
        loop {
            let may_open = self.queue.used() + idle.len() <= self.queue.most();
            let is_own = |wire: &Wire<B>| wire.is_home(here) && wire.is_free_for(agent);
            let mut chosen = idle.iter().rposition(is_own);
            if chosen.is_none() && !may_open {
                chosen = idle.iter().rposition(|wire| wire.is_free_for(agent));
            }
            let Some(chosen) = chosen else {
                if !may_open && !idle.is_empty() {
                    drop(idle.swap_remove(0));
                }
                return None;
            };
            let wire = idle.swap_remove(chosen);
            if wire.is_fresh() {
                return Some(wire);
            }
        }
    }
}
