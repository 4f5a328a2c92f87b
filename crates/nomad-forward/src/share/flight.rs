//! Requests on their way, one for each key.

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
    Key, SharedBody, Shares,
    outcome::{self, Outcome, Work},
};
use crate::Error;

/// The requests on their way that can be joined. They are held weakly, so that one that nobody waits for ends.
pub(super) struct Flights<R: Body>(Arc<Flying<R>>);

type Flying<R> = Mutex<HashMap<Key, Joinable<R>>>;

impl<R: Body> Default for Flights<R> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(HashMap::new())))
    }
}

struct Joinable<R: Body> {
    work: WeakShared<Work<R>>,
    seats: Weak<()>,
    first: Weak<()>,
}

/// Somebody who waits for a request. The request goes on while there is one.
pub(super) struct Flight<R: Body> {
    work: futures_util::future::Shared<Work<R>>,
    /// Counts those who wait.
    _seat: Arc<()>,
    first: Weak<()>,
}

/// How a request came aboard.
pub(super) enum Boarded<R: Body, Q> {
    /// It is the one that is sent.
    First(Flight<R>, Arc<()>),
    /// Another one brings the answer. The request is given back for the case that it does not.
    Joined(Flight<R>, Q),
    /// So many requests are shared already that it goes alone.
    Full(Q),
}

impl<R> Flights<R>
where
    R: Body<Data = Bytes> + Send + Unpin + 'static,
    R::Error: Send,
{
    /// Joins the same request if it is on its way, else sends this one.
    pub(super) fn board<Q, F>(
        &self,
        key: Key,
        shares: &Shares,
        request: Q,
        send: impl FnOnce(Q) -> F,
    ) -> Boarded<R, Q>
    where
        F: Future<Output = Result<Response<R>, Error>> + Send + 'static,
    {
        let mut flying = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = flying.get(&key);
        if let Some(flight) = known.and_then(Joinable::join) {
            shares.count_shared();
            return Boarded::Joined(flight, request);
        }
        if known.is_none() && flying.len() >= shares.limits().flights {
            return Boarded::Full(request);
        }
        let (seat, first) = (Arc::new(()), Arc::new(()));
        let (seats, first_seat) = (Arc::downgrade(&seat), Arc::downgrade(&first));
        let gate =
            Gate { flying: Arc::clone(&self.0), key: key.clone(), seats: Weak::clone(&seats) };
        let work: Work<R> =
            Box::pin(outcome::of(send(request), gate, shares.clone()).in_current_span());
        let work = work.shared();
        if let Some(weak) = work.downgrade() {
            flying.insert(key, Joinable { work: weak, seats, first: Weak::clone(&first_seat) });
        }
        Boarded::First(Flight { work, _seat: seat, first: first_seat }, first)
    }
}

impl<R: Body> Joinable<R> {
    /// `None` when everybody has left: the request is about to end.
    fn join(&self) -> Option<Flight<R>> {
        // In this order: what is taken here must not be dropped here, for the end of a request closes its gate, which
        // takes the same lock.
        let seat = self.seats.upgrade()?;
        let work = self.work.upgrade()?;
        Some(Flight { work, _seat: seat, first: Weak::clone(&self.first) })
    }
}

/// Through it others come aboard. Dropped, it is closed.
pub(super) struct Gate<R: Body> {
    flying: Arc<Flying<R>>,
    key: Key,
    seats: Weak<()>,
}

impl<R: Body> Gate<R> {
    /// Lets nobody in any more, and says how many wait.
    pub(super) fn close(self) -> usize {
        let seats = Weak::clone(&self.seats);
        drop(self);
        seats.strong_count()
    }
}

impl<R: Body> Drop for Gate<R> {
    fn drop(&mut self) {
        let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
        // The same may be asked again already.
        if flying.get(&self.key).is_some_and(|joinable| Weak::ptr_eq(&joinable.seats, &self.seats))
        {
            flying.remove(&self.key);
        }
    }
}

impl<R> Flight<R>
where
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Send,
{
    /// The answer; `None` when it is for whoever asked first, so that this caller has to ask too.
    pub(super) async fn landed(self) -> Option<Result<Response<SharedBody<R>>, Error>> {
        let Self { work, _seat, first } = self;
        match work.await {
            Outcome::Whole(whole) => Some(Ok(whole.response())),
            Outcome::Failed(error) => Some(Err(Error::Shared(error))),
            Outcome::Apart(_) if first.strong_count() > 0 => None,
            Outcome::Apart(apart) => apart.take().map(Ok),
        }
    }

    /// The answer of the request that was sent.
    pub(super) async fn first(self, first: Arc<()>) -> Result<Response<SharedBody<R>>, Error> {
        let landed = match self.work.clone().await {
            Outcome::Apart(apart) => apart.take().map(Ok),
            Outcome::Whole(whole) => Some(Ok(whole.response())),
            Outcome::Failed(error) => Some(Err(Error::Shared(error))),
        };
        drop(first);
        landed.expect("nobody else takes the answer while the first one waits")
    }
}
