//! Idle connections and permits of one listener.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use super::{
    ConnectError, ConnectionLimits, Lease, connection::PooledConnection, limiter::Limiter,
    paused::PauseSlot, permit::Permit,
};
use crate::Agent;

/// So many idle connections an agent: an agent allows 100 from one address, and streams need theirs.
const MAX_IDLE: usize = 32;

/// What there is to one listener.
#[derive(Debug)]
pub(super) struct HostPool<B> {
    idle: Mutex<Vec<PooledConnection<B>>>,
    limiter: Limiter,
}

impl<B> HostPool<B> {
    pub(super) fn new(budget: ConnectionLimits) -> Self {
        Self { idle: Mutex::default(), limiter: Limiter::new(budget) }
    }

    /// A place for one request, at once or in turn.
    pub(super) async fn acquire(&self, lease: Lease) -> Result<Permit, ConnectError> {
        self.limiter.acquire(lease).await
    }

    /// A place for one request, if there is one now.
    pub(super) fn try_acquire(&self, lease: Lease) -> Result<Permit, ConnectError> {
        self.limiter.try_acquire(lease)
    }

    /// Where a new connection lets its response wait.
    pub(super) fn add_slot(&self) -> Arc<PauseSlot> {
        self.limiter.add_slot()
    }

    /// Lets a connection wait, unless enough do.
    pub(super) fn put_idle(&self, wire: PooledConnection<B>) {
        let mut idle = self.lock_idle();
        if idle.len() < MAX_IDLE {
            idle.push(wire);
        }
    }

    /// Closes what has waited for too long. Says whether any is left.
    pub(super) fn remove_stale(&self) -> bool {
        let mut idle = self.lock_idle();
        idle.retain_mut(PooledConnection::is_alive);
        !idle.is_empty()
    }

    fn lock_idle(&self) -> MutexGuard<'_, Vec<PooledConnection<B>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that waited for this agent, at best one that this thread made: the socket of another wakes that thread first.
    /// One of another thread all the same when there may be no new one. When none that waits is of use, one makes
    /// room.
    pub(super) fn take_idle(&self, agent: &Agent) -> Option<PooledConnection<B>> {
        let here = thread::current().id();
        let mut idle = self.lock_idle();
        loop {
            let may_open = self.limiter.in_use() + idle.len() <= self.limiter.capacity();
            let is_own =
                |wire: &PooledConnection<B>| wire.is_on_thread(here) && wire.can_serve(agent);
            let mut chosen = idle.iter().rposition(is_own);
            if chosen.is_none() && !may_open {
                chosen = idle.iter().rposition(|wire| wire.can_serve(agent));
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
