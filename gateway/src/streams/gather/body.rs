//! One caller's share of an answer.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::monitor::{End, Listener};
use crate::streams::Broken;

/// The lines of a monitor as they come, or the text of a refusal.
#[derive(Debug)]
pub struct GatheredBody {
    state: State,
}

#[derive(Debug)]
enum State {
    Listening(Listener),
    Text(Bytes),
    Ended,
}

impl GatheredBody {
    pub(super) const fn new(listener: Listener) -> Self {
        Self { state: State::Listening(listener) }
    }
}

impl From<Bytes> for GatheredBody {
    fn from(text: Bytes) -> Self {
        Self { state: State::Text(text) }
    }
}

impl Body for GatheredBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let next = match &mut self.state {
            State::Ended => return Poll::Ready(None),
            State::Text(text) => Some(Ok(std::mem::take(text))),
            State::Listening(listener) => match listener.poll(cx.waker()) {
                None => return Poll::Pending,
                Some(Ok(piece)) => return Poll::Ready(Some(Ok(Frame::data(piece.wire)))),
                Some(Err(End::Clean)) => None,
                Some(Err(End::Broken)) => Some(Err(Broken)),
            },
        };
        self.state = State::Ended;
        Poll::Ready(next.map(|next| next.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Text(text) => SizeHint::with_exact(text.len() as u64),
            State::Ended => SizeHint::with_exact(0),
            State::Listening(_) => SizeHint::default(),
        }
    }
}
