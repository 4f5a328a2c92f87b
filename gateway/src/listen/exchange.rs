//! What happens on one connection of HTTP/1.1, as its socket, its requests and its answers have to know of each other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Waker,
};

use futures_util::task::AtomicWaker;
use http::Uri;
use memchr::memmem;
use nomad_wire::Query;

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
    /// The request is one that may wait for long.
    is_waiting: AtomicBool,
    /// Whoever reads the body of the request has read all that is there.
    is_body_dry: AtomicBool,
    is_upgraded: AtomicBool,
    /// The connection, when it waits for a change of any of this.
    changed: AtomicWaker,
}

impl Exchange {
    /// A request has come, with a body or without.
    pub(super) fn begin(&self, uri: &Uri, has_body: bool) {
        self.is_under_way.store(true, Ordering::Relaxed);
        self.has_head.store(false, Ordering::Relaxed);
        self.is_over.store(false, Ordering::Relaxed);
        self.is_waiting.store(is_blocking(uri) || is_stream(uri), Ordering::Relaxed);
        self.is_body_dry.store(false, Ordering::Relaxed);
        if !has_body {
            self.body_ended();
        }
    }

    /// Bytes came.
    pub(super) fn read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.is_body_dry.store(false, Ordering::Relaxed);
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
        self.is_under_way.load(Ordering::Relaxed) && !self.is_waiting.load(Ordering::Relaxed)
    }

    /// Whether more of the request's body is wanted than has come.
    pub(super) fn is_body_short(&self) -> bool {
        self.is_unread() && self.is_body_dry.load(Ordering::Relaxed)
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

/// Whether it is a stream that goes on until its caller leaves.
fn is_stream(uri: &Uri) -> bool {
    let Some(call) = uri.path().strip_prefix("/v1/") else { return false };
    let asks = |name| memmem::find(uri.query().unwrap_or_default().as_bytes(), name).is_some();
    call.starts_with("agent/monitor")
        || call.starts_with("event/stream")
        || call.starts_with("client/fs/stream/")
        || (call.starts_with("client/fs/logs/") && asks(b"follow"))
}

/// Whether it waits for a change, for minutes maybe.
fn is_blocking(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| memmem::find(query.as_bytes(), b"index=").is_some())
        && Query::of(uri).filled("index").is_some_and(|index| &*index != "0")
}
