//! One upstream monitor and its subscribers.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures_util::task::AtomicWaker;
use http::HeaderMap;
use tokio::{sync::watch, task::AbortHandle};

use super::{
    key::MonitorKey, line_splitter::Segment, segment_queue::SegmentQueue,
    shared_monitors::SharedMonitors,
};
use crate::proxy::streams::framing::Framing;

/// What callers are told before the first byte.
#[derive(Debug)]
pub(super) struct MonitorHead {
    /// The agent's headers, and the gateway's.
    pub(super) headers: HeaderMap,
}

/// How far the answer is.
#[derive(Debug, Clone, Default)]
enum MonitorStage {
    /// It has not begun.
    #[default]
    Pending,
    /// It has.
    Started(Arc<MonitorHead>),
    /// It is no monitor.
    NotShareable,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// As the agent wanted.
    Clean,
    /// In the middle.
    Broken,
}

/// One monitor that is shared.
#[derive(Debug)]
pub(super) struct Monitor {
    key: MonitorKey,
    stage: watch::Sender<MonitorStage>,
    subscribers: Mutex<Subscribers>,
    reader_task: OnceLock<AbortHandle>,
}

#[derive(Debug, Default)]
struct Subscribers {
    list: Vec<Arc<Subscriber>>,
    end: Option<StreamEnd>,
}

/// One caller's place at a monitor.
#[derive(Debug)]
struct Subscriber {
    segments: Mutex<SegmentQueue>,
    waker: AtomicWaker,
}

impl Monitor {
    pub(super) fn new(key: MonitorKey) -> Arc<Self> {
        Arc::new(Self {
            key,
            stage: watch::Sender::default(),
            subscribers: Mutex::default(),
            reader_task: OnceLock::new(),
        })
    }

    pub(super) const fn key(&self) -> &MonitorKey {
        &self.key
    }

    /// One caller more.
    pub(super) fn subscribe(self: &Arc<Self>, monitors: SharedMonitors) -> Subscription {
        let queue = Mutex::new(SegmentQueue::new(self.key.framing));
        let seat = Arc::new(Subscriber { segments: queue, waker: AtomicWaker::new() });
        lock(&self.subscribers).list.push(Arc::clone(&seat));
        Subscription { monitor: Arc::clone(self), monitors, subscriber: seat }
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.subscribers).list.is_empty()
    }

    /// Ends the request to the agent.
    pub(super) fn cancel(&self) {
        if let Some(driver) = self.reader_task.get() {
            driver.abort();
        }
    }
}

/// One caller of a monitor. When the last one is dropped the request to the agent ends at once.
#[derive(Debug)]
pub(super) struct Subscription {
    monitor: Arc<Monitor>,
    monitors: SharedMonitors,
    subscriber: Arc<Subscriber>,
}

impl Subscription {
    pub(super) fn framing(&self) -> Framing {
        self.monitor.key.framing
    }

    /// Says which task reads the agent's answer.
    pub(super) fn set_reader_task(&self, driver: AbortHandle) {
        // There is one first caller, so it is told once.
        drop(self.monitor.reader_task.set(driver));
    }

    /// The head of the answer as soon as it is there; nothing when it is not to be shared.
    pub(super) async fn head(&self) -> Option<Arc<MonitorHead>> {
        let mut stage = self.monitor.stage.subscribe();
        let known = stage.wait_for(|stage| !matches!(stage, MonitorStage::Pending)).await;
        match &*known.ok()? {
            MonitorStage::Started(head) => Some(Arc::clone(head)),
            MonitorStage::Pending | MonitorStage::NotShareable => None,
        }
    }

    /// The next piece, or how it ended; nothing yet, and then `waker` is woken.
    pub(super) fn poll_next(&self, waker: &std::task::Waker) -> Option<Result<Segment, StreamEnd>> {
        self.subscriber.waker.register(waker);
        // The end is looked at first: what was published before it is in the queue by then.
        let end = lock(&self.monitor.subscribers).end;
        match lock(&self.subscriber.segments).pop() {
            Some(piece) => Some(Ok(piece)),
            None => end.map(Err),
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let monitor = &self.monitor;
        self.monitors.leave(monitor, || {
            lock(&monitor.subscribers).list.retain(|seat| !Arc::ptr_eq(seat, &self.subscriber));
        });
    }
}

/// Whoever reads the agent's answer. Dropping it is a broken end.
#[derive(Debug)]
pub(super) struct Publisher {
    monitor: Arc<Monitor>,
    monitors: SharedMonitors,
}

impl Publisher {
    pub(super) const fn new(monitor: Arc<Monitor>, monitors: SharedMonitors) -> Self {
        Self { monitor, monitors }
    }

    /// The answer has begun.
    pub(super) fn start(&self, head: MonitorHead) {
        self.monitor.stage.send_replace(MonitorStage::Started(Arc::new(head)));
    }

    /// The answer is none that can be shared: everybody asks for themselves.
    pub(super) fn reject(self) {
        self.monitors.forget(&self.monitor);
        self.monitor.stage.send_replace(MonitorStage::NotShareable);
    }

    /// A piece for everybody.
    pub(super) fn publish(&self, piece: &Segment) {
        for seat in &lock(&self.monitor.subscribers).list {
            lock(&seat.segments).push(piece.clone());
            seat.waker.wake();
        }
    }

    /// The end, after all that was published.
    pub(super) fn finish(self, end: StreamEnd) {
        self.finish_once(end);
    }

    fn finish_once(&self, end: StreamEnd) {
        self.monitors.forget(&self.monitor);
        let mut seats = lock(&self.monitor.subscribers);
        seats.end.get_or_insert(end);
        for seat in &seats.list {
            seat.waker.wake();
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.finish_once(StreamEnd::Broken);
    }
}

/// A panic elsewhere leaves these whole, so a poisoned lock is still a good one.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
