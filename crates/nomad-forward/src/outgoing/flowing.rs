//! The part of a body that still comes while the request is sent.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{UploadError, broken, pace::Pace};

/// When something of a body was last handed on to the agent.
#[derive(Debug)]
pub(crate) struct Progress {
    begun: Instant,
    /// Milliseconds after `begun`.
    moved: AtomicU64,
}

impl Progress {
    fn new() -> Self {
        Self { begun: Instant::now(), moved: AtomicU64::new(0) }
    }

    pub(crate) fn moved(&self) -> Instant {
        self.begun + std::time::Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }

    fn note(&self) {
        let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(millis, Ordering::Relaxed);
    }
}

/// A body that comes at its caller's pace.
#[derive(Debug)]
pub(super) struct Flowing<B> {
    body: B,
    pace: Pace,
    progress: Arc<Progress>,
    /// Since when the caller is waited for, and how long yet.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<B> Flowing<B> {
    pub(super) fn new(body: B, pace: Pace) -> Self {
        Self { body, pace, progress: Arc::new(Progress::new()), waiting: None }
    }

    pub(super) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }
}

impl<B> Flowing<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self.wait(cx).map(|()| Some(Err(UploadError::Silent)));
        };
        let waited = self.waiting.take().map(|(since, _)| since.elapsed()).unwrap_or_default();
        let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        self.pace.moved(waited, bytes.map_or(0, Bytes::len));
        self.progress.note();
        Poll::Ready(frame.map(|frame| frame.map_err(broken)))
    }

    /// Ready when the caller has been silent for too long.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.pace.left();
        let (_, end) = self.waiting.get_or_insert_with(|| {
            let since = Instant::now();
            (since, Box::pin(sleep_until(since + left)))
        });
        end.as_mut().poll(cx)
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
