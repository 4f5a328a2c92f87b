//! Requests in flight, one for each key.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use bytes::Bytes;
use futures_util::future::{FutureExt as _, WeakShared};
use http::Response;
use http_body::Body;
use tracing::Instrument as _;

use super::{
    CoalesceBody, CoalesceKey, CoalescedRequests,
    outcome::{self, CoalesceOutcome, OutcomeFuture},
};
use crate::Error;

/// The requests on their way that can be joined. They are held weakly, so that one that nobody waits for ends.
pub(super) struct InFlightRequests<R: Body>(Arc<EntryMap<R>>);

type EntryMap<R> = Mutex<HashMap<CoalesceKey, Entry<R>>>;

impl<R: Body> Default for InFlightRequests<R> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(HashMap::new())))
    }
}

struct Entry<R: Body> {
    outcome: WeakShared<OutcomeFuture<R>>,
    waiters: Weak<()>,
    first: Weak<()>,
}

/// Somebody who waits for a request. The request goes on while there is one.
pub(super) struct Waiter<R: Body> {
    shared_outcome: futures_util::future::Shared<OutcomeFuture<R>>,
    /// Counts those who wait.
    _waiter: Arc<()>,
    first: Weak<()>,
}

/// How a request came aboard.
pub(super) enum CoalesceJoin<R: Body, Q> {
    /// It is the one that is sent.
    First(Waiter<R>, Arc<()>),
    /// Another one brings the answer. The request is given back for the case that it does not.
    Joined(Waiter<R>, Q),
    /// So many requests are shared already that it goes alone.
    Full(Q),
}

impl<R> InFlightRequests<R>
where
    R: Body<Data = Bytes> + Send + Unpin + 'static,
    R::Error: Send,
{
    /// Joins the same request if it is on its way, else sends this one.
    pub(super) fn join<Q, F>(
        &self,
        key: CoalesceKey,
        shares: &CoalescedRequests,
        request: Q,
        send: impl FnOnce(Q) -> F,
    ) -> CoalesceJoin<R, Q>
    where
        F: Future<Output = Result<Response<R>, Error>> + Send + 'static,
    {
        let mut flying = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = flying.get(&key);
        if let Some(flight) = known.and_then(Entry::join) {
            shares.record_coalesced();
            return CoalesceJoin::Joined(flight, request);
        }
        if known.is_none() && flying.len() >= shares.limits().requests {
            return CoalesceJoin::Full(request);
        }
        let (seat, first) = (Arc::new(()), Arc::new(()));
        let (seats, first_seat) = (Arc::downgrade(&seat), Arc::downgrade(&first));
        let gate = EntryGuard {
            requests: Arc::clone(&self.0),
            key: key.clone(),
            seats: Weak::clone(&seats),
        };
        let work: OutcomeFuture<R> = Box::pin(
            outcome::collect_outcome(send(request), gate, shares.clone()).in_current_span(),
        );
        let work = work.shared();
        if let Some(weak) = work.downgrade() {
            flying.insert(
                key,
                Entry { outcome: weak, waiters: seats, first: Weak::clone(&first_seat) },
            );
        }
        CoalesceJoin::First(
            Waiter { shared_outcome: work, _waiter: seat, first: first_seat },
            first,
        )
    }
}

impl<R: Body> Entry<R> {
    /// `None` when everybody has left: the request is about to end.
    fn join(&self) -> Option<Waiter<R>> {
        // In this order: what is taken here must not be dropped here, for the end of a request closes its gate, which
        // takes the same lock.
        let seat = self.waiters.upgrade()?;
        let work = self.outcome.upgrade()?;
        Some(Waiter { shared_outcome: work, _waiter: seat, first: Weak::clone(&self.first) })
    }
}

/// Through it others come aboard. Dropped, it is closed.
pub(super) struct EntryGuard<R: Body> {
    requests: Arc<EntryMap<R>>,
    key: CoalesceKey,
    seats: Weak<()>,
}

impl<R: Body> EntryGuard<R> {
    /// Lets nobody in any more, and says how many wait.
    pub(super) fn close(self) -> usize {
        let seats = Weak::clone(&self.seats);
        drop(self);
        seats.strong_count()
    }
}

impl<R: Body> Drop for EntryGuard<R> {
    fn drop(&mut self) {
        let mut flying = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        // The same may be asked again already.
        if flying
            .get(&self.key)
            .is_some_and(|joinable| Weak::ptr_eq(&joinable.waiters, &self.seats))
        {
            flying.remove(&self.key);
        }
    }
}

impl<R> Waiter<R>
where
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Send,
{
    /// The answer; `None` when it is for whoever asked first, so that this caller has to ask too.
    pub(super) async fn wait(self) -> Option<Result<Response<CoalesceBody<R>>, Error>> {
        let Self { shared_outcome: work, _waiter: _seat, first } = self;
        match work.await {
            CoalesceOutcome::Buffered(whole) => Some(Ok(whole.response())),
            CoalesceOutcome::Failed(error) => Some(Err(Error::Coalesced(error))),
            CoalesceOutcome::Exclusive(_) if first.strong_count() > 0 => None,
            CoalesceOutcome::Exclusive(apart) => apart.take().map(Ok),
        }
    }

    /// The answer of the request that was sent.
    pub(super) async fn wait_as_first(
        self,
        first: Arc<()>,
    ) -> Result<Response<CoalesceBody<R>>, Error> {
        let landed = match self.shared_outcome.clone().await {
            CoalesceOutcome::Exclusive(apart) => apart.take().map(Ok),
            CoalesceOutcome::Buffered(whole) => Some(Ok(whole.response())),
            CoalesceOutcome::Failed(error) => Some(Err(Error::Coalesced(error))),
        };
        drop(first);
        landed.expect("nobody else takes the answer while the first one waits")
    }
}
