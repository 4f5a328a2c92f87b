//! The body of a response that several clients may get.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::coalesced_requests::ByteReservation;

/// The bytes of an answer: as they come, or as they were kept for several callers.
#[pin_project]
pub struct CoalesceBody<R: Body> {
    #[pin]
    state: State<R>,
}

#[pin_project(project = StateProjection)]
enum State<R: Body> {
    /// What was read before it turned out too large comes first.
    Own {
        read: VecDeque<Result<Frame<Bytes>, R::Error>>,
        #[pin]
        rest: R,
    },
    Whole {
        kept: Arc<BufferedBody>,
        next: usize,
    },
}

/// A whole body; the bytes are those that came, shared and not copied.
#[derive(Debug)]
pub(super) struct BufferedBody {
    chunks: Vec<Bytes>,
    length: u64,
    /// Counts them for as long as somebody reads.
    _reservation: ByteReservation,
}

impl BufferedBody {
    pub(super) fn new(chunks: Vec<Bytes>, purse: ByteReservation) -> Self {
        let length = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Self { chunks, length, _reservation: purse }
    }
}

impl<R: Body> CoalesceBody<R> {
    /// Nothing of it is shared.
    pub(super) const fn exclusive(body: R) -> Self {
        Self { state: State::Own { read: VecDeque::new(), rest: body } }
    }

    /// So much of it was read already.
    pub(super) fn partly_read(read: VecDeque<Result<Frame<Bytes>, R::Error>>, rest: R) -> Self {
        Self { state: State::Own { read, rest } }
    }

    pub(super) const fn buffered(kept: Arc<BufferedBody>) -> Self {
        Self { state: State::Whole { kept, next: 0 } }
    }
}

impl<R: Body> fmt::Debug for CoalesceBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoalesceBody").finish_non_exhaustive()
    }
}

impl<R: Body<Data = Bytes>> Body for CoalesceBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        match self.project().state.project() {
            StateProjection::Own { read, rest } => match read.pop_front() {
                Some(frame) => Poll::Ready(Some(frame)),
                None => rest.poll_frame(cx),
            },
            StateProjection::Whole { kept, next } => {
                let chunk = kept.chunks.get(*next).cloned();
                *next += 1;
                Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Own { read, rest } => read.is_empty() && rest.is_end_stream(),
            State::Whole { kept, next } => *next >= kept.chunks.len(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Own { read, rest } if read.is_empty() => rest.size_hint(),
            // Nobody asks after the first byte; the length that the agent told stands in the head.
            State::Own { .. } => SizeHint::default(),
            State::Whole { kept, next: 0 } => SizeHint::with_exact(kept.length),
            State::Whole { kept, next } => {
                let left = kept.chunks.iter().skip(*next).map(|chunk| chunk.len() as u64).sum();
                SizeHint::with_exact(left)
            }
        }
    }
}
