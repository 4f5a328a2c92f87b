//! A body that is written by a future which runs while the body is read, and only then.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

use super::subrequest::BoxedBody;
use crate::proxy::streams::BrokenStream;
use crate::proxy::streams::resume::stream_writer::ChunkSender;

type BodyWriter = Pin<Box<dyn Future<Output = Result<(), BrokenStream>> + Send>>;

/// A repaired stream, or the text of a refusal. Dropping it ends all that is done for it.
pub struct ResumedBody {
    state: State,
}

enum State {
    Writing {
        work: Option<BodyWriter>,
        written: mpsc::Receiver<Bytes>,
        end: Result<(), BrokenStream>,
    },
    Inner(BoxedBody),
    Text(Bytes),
    Ended,
}

impl std::fmt::Debug for ResumedBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResumedBody").finish_non_exhaustive()
    }
}

impl ResumedBody {
    /// The answer to a question of the gateway's own, as it is.
    pub(super) const fn from_inner(body: BoxedBody) -> Self {
        Self { state: State::Inner(body) }
    }

    /// The body that `work` writes. One piece waits, so that a slow reader holds up the writer and the agent behind it.
    pub(super) fn from_writer<W>(work: impl FnOnce(ChunkSender) -> W) -> Self
    where
        W: Future<Output = Result<(), BrokenStream>> + Send + 'static,
    {
        let (sink, written) = mpsc::channel(1);
        let work: BodyWriter = Box::pin(work(sink));
        Self { state: State::Writing { work: Some(work), written, end: Ok(()) } }
    }
}

impl From<Bytes> for ResumedBody {
    fn from(text: Bytes) -> Self {
        Self { state: State::Text(text) }
    }
}

impl Body for ResumedBody {
    type Data = Bytes;
    type Error = BrokenStream;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenStream>>> {
        let last = match &mut self.state {
            State::Ended => return Poll::Ready(None),
            State::Inner(body) => {
                let next = ready!(Pin::new(body).poll_frame(cx));
                return Poll::Ready(next.map(|next| next.map_err(|_| BrokenStream)));
            }
            State::Text(text) => Some(Ok(Frame::data(std::mem::take(text)))),
            State::Writing { work, written, end } => loop {
                if let Poll::Ready(Some(piece)) = written.poll_recv(cx) {
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                // All that was written has been read, so that nothing is lost with the end.
                let Some(working) = work else {
                    break end.err().map(Err);
                };
                match working.as_mut().poll(cx) {
                    Poll::Ready(ended) => (*work, *end) = (None, ended),
                    Poll::Pending => {
                        let piece = ready!(written.poll_recv(cx));
                        return Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))));
                    }
                }
            },
        };
        self.state = State::Ended;
        Poll::Ready(last)
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Ended => true,
            State::Inner(body) => body.is_end_stream(),
            State::Text(_) | State::Writing { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Text(text) => SizeHint::with_exact(text.len() as u64),
            State::Ended => SizeHint::with_exact(0),
            State::Inner(body) => body.size_hint(),
            State::Writing { .. } => SizeHint::default(),
        }
    }
}
