//! Counts the streams of one connection, as HTTP/1.1 is counted by its connections.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use tokio::{sync::Notify, time::sleep};

use super::super::HEAD_TIMEOUT;

/// A connection without a stream stays as long as one of HTTP/1.1 without a request, at most twice as long.
const IDLE_TIMEOUT: Duration = HEAD_TIMEOUT;

/// So many requests may be given up before their answer has begun, more only by who waits for more than it gives up. A
/// page that is left gives up some; who only gives up makes agents work for nothing.
const MAX_CLIENT_RESETS: u64 = 256;

/// What happened on a connection.
#[derive(Debug, Default)]
pub(super) struct StreamCounters {
    open: AtomicUsize,
    started: AtomicU64,
    responded: AtomicU64,
    client_resets: AtomicU64,
    reset_flood: Notify,
}

impl StreamCounters {
    /// Returns when the caller should go: nothing was asked for so long, or too much was given up.
    pub(super) async fn close_due(&self) {
        tokio::select! {
            () = self.idle() => {}
            () = self.reset_flood.notified() => {
                tracing::debug!("a caller gives up more requests than it waits for");
            }
        }
    }

    /// One look each time costs less than a clock that is set anew by each request.
    async fn idle(&self) {
        let mut seen = 0;
        loop {
            sleep(IDLE_TIMEOUT).await;
            let begun = self.started.load(Ordering::Relaxed);
            if begun == seen && self.open.load(Ordering::Relaxed) == 0 {
                return;
            }
            seen = begun;
        }
    }
}

/// One stream, from its request until its answer is over.
#[derive(Debug)]
pub(super) struct StreamGuard {
    streams: Arc<StreamCounters>,
    has_responded: bool,
}

impl StreamGuard {
    pub(super) fn start(streams: Arc<StreamCounters>) -> Self {
        streams.open.fetch_add(1, Ordering::Relaxed);
        streams.started.fetch_add(1, Ordering::Relaxed);
        Self { streams, has_responded: false }
    }

    fn mark_responded(&mut self) {
        self.has_responded = true;
        self.streams.responded.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.streams.open.fetch_sub(1, Ordering::Relaxed);
        if self.has_responded {
            return;
        }
        let given_up = self.streams.client_resets.fetch_add(1, Ordering::Relaxed) + 1;
        if given_up > MAX_CLIENT_RESETS && given_up > self.streams.responded.load(Ordering::Relaxed)
        {
            self.streams.reset_flood.notify_one();
        }
    }
}

/// The body of an answer. Its stream ends with it.
#[pin_project]
#[derive(Debug)]
pub(super) struct GuardedBody<R> {
    #[pin]
    inner: R,
    stream: StreamGuard,
}

impl<R> GuardedBody<R> {
    pub(super) fn new(inner: R, mut stream: StreamGuard) -> Self {
        stream.mark_responded();
        Self { inner, stream }
    }
}

impl<R: Body<Data = Bytes>> Body for GuardedBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    const LONG: Duration = Duration::from_secs(24 * 3600);

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_streams_should_go_and_one_with_a_stream_stays() {
        let streams = Arc::new(StreamCounters::default());
        let since = Instant::now();
        streams.close_due().await;
        assert_eq!(since.elapsed(), IDLE_TIMEOUT);
        let stream = StreamGuard::start(Arc::clone(&streams));
        assert!(timeout(LONG, streams.close_due()).await.is_err());
        drop(stream);
        assert!(timeout(IDLE_TIMEOUT * 2, streams.close_due()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_only_gives_up_should_go_and_who_waits_for_more_may_stay() {
        let streams = Arc::new(StreamCounters::default());
        for _ in 0..=MAX_CLIENT_RESETS {
            drop(GuardedBody::new((), StreamGuard::start(Arc::clone(&streams))));
            drop(StreamGuard::start(Arc::clone(&streams)));
        }
        assert!(timeout(IDLE_TIMEOUT, streams.reset_flood.notified()).await.is_err());
        drop(StreamGuard::start(Arc::clone(&streams)));
        assert!(timeout(IDLE_TIMEOUT, streams.close_due()).await.is_ok());
    }
}
