//! What happens on one connection of HTTP/1.1, as its socket, its requests and its answers have to know of each other.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Waker,
};

use futures_util::task::AtomicWaker;
use http::{Method, Request, Uri};
use http_body::Body;
use nomad_wire::Call;

/// One connection. The requests on it follow each other.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// Reads that brought something, and how many of them there were when the last request was whole.
    reads: AtomicU64,
    whole_at: AtomicU64,
    /// A request was begun, and its answer has not gone out whole.
    is_under_way: AtomicBool,
    has_head: AtomicBool,
    is_over: AtomicBool,
    /// What the request asks for. Looked at only when its caller sends nothing more.
    asked: Mutex<Option<(Method, Uri)>>,
    /// Whoever reads the body of the request has read all that is there.
    is_body_dry: AtomicBool,
    /// All that came ends where a request ends, or in the head of the next one.
    is_sent_whole: AtomicBool,
    is_upgraded: AtomicBool,
    /// The connection, when it waits for a change of any of this.
    changed: AtomicWaker,
}

impl Exchange {
    /// A request has come, with a body or without.
    pub(super) fn begin<B: Body>(&self, request: &Request<B>) {
        self.is_under_way.store(true, Ordering::Relaxed);
        self.has_head.store(false, Ordering::Relaxed);
        self.is_over.store(false, Ordering::Relaxed);
        *self.asked() = Some((request.method().clone(), request.uri().clone()));
        self.is_body_dry.store(false, Ordering::Relaxed);
        if request.body().is_end_stream() {
            self.body_ended();
        }
    }

    /// Bytes came.
    pub(super) fn read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.is_body_dry.store(false, Ordering::Relaxed);
    }

    /// Says whether what came so far ends outside of a body. Who reads the body may hear of its end later.
    pub(super) fn came(&self, is_whole: bool) {
        self.is_sent_whole.store(is_whole, Ordering::Relaxed);
    }

    /// The request was read to its end.
    pub(super) fn body_ended(&self) {
        self.whole_at.store(self.reads.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// More of the body is waited for.
    pub(super) fn body_waits(&self) {
        self.is_body_dry.store(true, Ordering::Relaxed);
        self.changed.wake();
    }

    /// The head of the answer is handed to the connection. What is returned is dropped with its body.
    pub(super) fn answered(self: &Arc<Self>, is_upgrade: bool) -> Over {
        self.has_head.store(true, Ordering::Relaxed);
        self.is_upgraded.store(is_upgrade, Ordering::Relaxed);
        self.changed.wake();
        Over(Arc::clone(self))
    }

    /// Everything that was handed to the connection has gone out.
    pub(super) fn flushed(&self) {
        if self.is_over.load(Ordering::Relaxed) && self.is_under_way.swap(false, Ordering::Relaxed)
        {
            self.changed.wake();
        }
    }

    /// Something came that no request has taken: its sender may still be sending.
    pub(super) fn is_unread(&self) -> bool {
        self.reads.load(Ordering::Relaxed) != self.whole_at.load(Ordering::Relaxed)
    }

    /// The connection carries something else than HTTP now.
    pub(super) fn is_upgraded(&self) -> bool {
        self.is_upgraded.load(Ordering::Relaxed)
    }

    /// Whether a caller who sends nothing more may still want an answer.
    pub(super) fn is_answer_wanted(&self) -> bool {
        self.is_under_way.load(Ordering::Relaxed)
            && !self.asked().as_ref().is_some_and(|(method, uri)| {
                Call::parse(method, uri).is_ok_and(|call| call.is_open_ended(method, uri))
            })
    }

    fn asked(&self) -> MutexGuard<'_, Option<(Method, Uri)>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether more of the request's body is wanted than has come.
    pub(super) fn is_body_short(&self) -> bool {
        !self.is_sent_whole.load(Ordering::Relaxed)
            && self.is_unread()
            && self.is_body_dry.load(Ordering::Relaxed)
    }

    /// Whether the head of the answer is there.
    pub(super) fn has_head(&self) -> bool {
        self.has_head.load(Ordering::Relaxed)
    }

    /// Wakes the connection with the next change.
    pub(super) fn wake_with_change(&self, waker: &Waker) {
        self.changed.register(waker);
    }
}

/// The body of an answer, until it is over.
#[derive(Debug)]
pub(super) struct Over(Arc<Exchange>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}
