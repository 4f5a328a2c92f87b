//! The state that the socket, the request and the response of one HTTP/1.1 connection share.

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
    request_end_reads: AtomicU64,
    /// A request was begun, and its answer has not gone out whole.
    is_response_pending: AtomicBool,
    has_head: AtomicBool,
    is_response_over: AtomicBool,
    /// What the request asks for. Looked at only when its caller sends nothing more.
    request_line: Mutex<Option<(Method, Uri)>>,
    /// Whoever reads the body of the request has read all that is there.
    is_body_starved: AtomicBool,
    /// All that came ends where a request ends, or in the head of the next one.
    is_sent_whole: AtomicBool,
    is_upgraded: AtomicBool,
    /// The connection, when it waits for a change of any of this.
    waker: AtomicWaker,
}

impl Exchange {
    /// A request has come, with a body or without.
    pub(super) fn begin_request<B: Body>(&self, request: &Request<B>) {
        self.is_response_pending.store(true, Ordering::Relaxed);
        self.has_head.store(false, Ordering::Relaxed);
        self.is_response_over.store(false, Ordering::Relaxed);
        *self.lock_request_line() = Some((request.method().clone(), request.uri().clone()));
        self.is_body_starved.store(false, Ordering::Relaxed);
        if request.body().is_end_stream() {
            self.end_request_body();
        }
    }

    /// Bytes came.
    pub(super) fn record_read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.is_body_starved.store(false, Ordering::Relaxed);
    }

    /// Says whether what came so far ends outside of a body. Who reads the body may hear of its end later.
    pub(super) fn came(&self, is_whole: bool) {
        self.is_sent_whole.store(is_whole, Ordering::Relaxed);
    }

    /// The request was read to its end.
    pub(super) fn end_request_body(&self) {
        self.request_end_reads.store(self.reads.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// More of the body is waited for.
    pub(super) fn starve_body(&self) {
        self.is_body_starved.store(true, Ordering::Relaxed);
        self.waker.wake();
    }

    /// The head of the answer is handed to the connection. What is returned is dropped with its body.
    pub(super) fn begin_response(self: &Arc<Self>, is_upgrade: bool) -> ResponseGuard {
        self.has_head.store(true, Ordering::Relaxed);
        self.is_upgraded.store(is_upgrade, Ordering::Relaxed);
        self.waker.wake();
        ResponseGuard(Arc::clone(self))
    }

    /// Everything that was handed to the connection has gone out.
    pub(super) fn record_flush(&self) {
        if self.is_response_over.load(Ordering::Relaxed)
            && self.is_response_pending.swap(false, Ordering::Relaxed)
        {
            self.waker.wake();
        }
    }

    /// Something came that no request has taken: its sender may still be sending.
    pub(super) fn has_unread_input(&self) -> bool {
        self.reads.load(Ordering::Relaxed) != self.request_end_reads.load(Ordering::Relaxed)
    }

    /// The connection carries something else than HTTP now.
    pub(super) fn is_upgraded(&self) -> bool {
        self.is_upgraded.load(Ordering::Relaxed)
    }

    /// Whether a caller who sends nothing more may still want an answer.
    pub(super) fn is_response_wanted(&self) -> bool {
        self.is_response_pending.load(Ordering::Relaxed)
            && !self.lock_request_line().as_ref().is_some_and(|(method, uri)| {
                Call::parse(method, uri).is_ok_and(|call| call.is_open_ended(method, uri))
            })
    }

    fn lock_request_line(&self) -> MutexGuard<'_, Option<(Method, Uri)>> {
        self.request_line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether more of the request's body is wanted than has come.
    pub(super) fn is_body_incomplete(&self) -> bool {
        !self.is_sent_whole.load(Ordering::Relaxed)
            && self.has_unread_input()
            && self.is_body_starved.load(Ordering::Relaxed)
    }

    /// Whether the head of the answer is there.
    pub(super) fn has_head(&self) -> bool {
        self.has_head.load(Ordering::Relaxed)
    }

    /// Wakes the connection with the next change.
    pub(super) fn register_waker(&self, waker: &Waker) {
        self.waker.register(waker);
    }
}

/// The body of an answer, until it is over.
#[derive(Debug)]
pub(super) struct ResponseGuard(Arc<Exchange>);

impl Drop for ResponseGuard {
    fn drop(&mut self) {
        self.0.is_response_over.store(true, Ordering::Relaxed);
    }
}
