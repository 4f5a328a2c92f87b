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

use super::{UploadError, broken_upload, idle_allowance::IdleAllowance};

/// When something of a body was last handed on to the agent.
#[derive(Debug)]
pub(crate) struct Progress {
    started: Instant,
    /// Milliseconds after `begun`.
    last_moved: AtomicU64,
}

impl Progress {
    fn new() -> Self {
        Self { started: Instant::now(), last_moved: AtomicU64::new(0) }
    }

    pub(crate) fn last_moved(&self) -> Instant {
        self.started + std::time::Duration::from_millis(self.last_moved.load(Ordering::Relaxed))
    }

    fn touch(&self) {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_moved.store(millis, Ordering::Relaxed);
    }
}

/// A body that comes at its caller's pace.
#[derive(Debug)]
pub(super) struct StreamingBody<B> {
    body: B,
    pace: IdleAllowance,
    progress: Arc<Progress>,
    /// Since when the caller is waited for, and how long yet.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<B> StreamingBody<B> {
    pub(super) fn new(body: B, pace: IdleAllowance) -> Self {
        Self { body, pace, progress: Arc::new(Progress::new()), waiting: None }
    }

    pub(super) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }
}

impl<B> StreamingBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self.poll_timeout(cx).map(|()| Some(Err(UploadError::Timeout)));
        };
        let waited = self.waiting.take().map(|(since, _)| since.elapsed()).unwrap_or_default();
        let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        self.pace.record(waited, bytes.map_or(0, Bytes::len));
        self.progress.touch();
        Poll::Ready(frame.map(|frame| frame.map_err(broken_upload)))
    }

    /// Ready when the caller has been silent for too long.
    fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.pace.remaining();
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
