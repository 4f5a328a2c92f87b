//! The streams of one connection: what HTTP/1.1 shows by its connections has to be counted here.

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

use super::super::HEAD_LIMIT;

/// A connection without a stream stays as long as one of HTTP/1.1 without a request, at most twice as long.
const IDLE_LIMIT: Duration = HEAD_LIMIT;

/// So many requests may be given up before their answer has begun, more only by who waits for more than it gives up. A
/// page that is left gives up some; who only gives up makes agents work for nothing.
const MAX_GIVEN_UP: u64 = 256;

/// What happened on a connection.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: AtomicUsize,
    begun: AtomicU64,
    answered: AtomicU64,
    given_up: AtomicU64,
    flood: Notify,
}

impl Streams {
    /// Returns when the caller should go: nothing was asked for so long, or too much was given up.
    pub(super) async fn unwanted(&self) {
        tokio::select! {
            () = self.idle() => {}
            () = self.flood.notified() => {
                tracing::debug!("a caller gives up more requests than it waits for");
            }
        }
    }

    /// One look each time costs less than a clock that is set anew by each request.
    async fn idle(&self) {
        let mut seen = 0;
        loop {
            sleep(IDLE_LIMIT).await;
            let begun = self.begun.load(Ordering::Relaxed);
            if begun == seen && self.open.load(Ordering::Relaxed) == 0 {
                return;
            }
            seen = begun;
        }
    }
}

/// One stream, from its request until its answer is over.
#[derive(Debug)]
pub(super) struct Stream {
    streams: Arc<Streams>,
    is_answered: bool,
}

impl Stream {
    pub(super) fn begin(streams: Arc<Streams>) -> Self {
        streams.open.fetch_add(1, Ordering::Relaxed);
        streams.begun.fetch_add(1, Ordering::Relaxed);
        Self { streams, is_answered: false }
    }

    fn answered(&mut self) {
        self.is_answered = true;
        self.streams.answered.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.streams.open.fetch_sub(1, Ordering::Relaxed);
        if self.is_answered {
            return;
        }
        let given_up = self.streams.given_up.fetch_add(1, Ordering::Relaxed) + 1;
        if given_up > MAX_GIVEN_UP && given_up > self.streams.answered.load(Ordering::Relaxed) {
            self.streams.flood.notify_one();
        }
    }
}

/// The body of an answer. Its stream ends with it.
#[pin_project]
#[derive(Debug)]
pub(super) struct HeldBody<R> {
    #[pin]
    inner: R,
    stream: Stream,
}

impl<R> HeldBody<R> {
    pub(super) fn new(inner: R, mut stream: Stream) -> Self {
        stream.answered();
        Self { inner, stream }
    }
}

impl<R: Body<Data = Bytes>> Body for HeldBody<R> {
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
        let streams = Arc::new(Streams::default());
        let since = Instant::now();
        streams.unwanted().await;
        assert_eq!(since.elapsed(), IDLE_LIMIT);
        let stream = Stream::begin(Arc::clone(&streams));
        assert!(timeout(LONG, streams.unwanted()).await.is_err());
        drop(stream);
        assert!(timeout(IDLE_LIMIT * 2, streams.unwanted()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_only_gives_up_should_go_and_who_waits_for_more_may_stay() {
        let streams = Arc::new(Streams::default());
        for _ in 0..=MAX_GIVEN_UP {
            drop(HeldBody::new((), Stream::begin(Arc::clone(&streams))));
            drop(Stream::begin(Arc::clone(&streams)));
        }
        assert!(timeout(IDLE_LIMIT, streams.flood.notified()).await.is_err());
        drop(Stream::begin(Arc::clone(&streams)));
        assert!(timeout(IDLE_LIMIT, streams.unwanted()).await.is_ok());
    }
}
