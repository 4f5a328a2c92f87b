//! One subscriber's response body.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::monitor::{StreamEnd, Subscription};
use crate::proxy::streams::BrokenStream;

/// The lines of a monitor as they come, or the text of a refusal.
#[derive(Debug)]
pub struct SharedMonitorBody {
    state: State,
}

#[derive(Debug)]
enum State {
    Subscribed(Subscription),
    Text(Bytes),
    Ended,
}

impl SharedMonitorBody {
    pub(super) const fn new(listener: Subscription) -> Self {
        Self { state: State::Subscribed(listener) }
    }
}

impl From<Bytes> for SharedMonitorBody {
    fn from(text: Bytes) -> Self {
        Self { state: State::Text(text) }
    }
}

impl Body for SharedMonitorBody {
    type Data = Bytes;
    type Error = BrokenStream;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenStream>>> {
        let next = match &mut self.state {
            State::Ended => return Poll::Ready(None),
            State::Text(text) => Some(Ok(std::mem::take(text))),
            State::Subscribed(listener) => match listener.poll_next(cx.waker()) {
                None => return Poll::Pending,
                Some(Ok(piece)) => return Poll::Ready(Some(Ok(Frame::data(piece.encoded)))),
                Some(Err(StreamEnd::Clean)) => None,
                Some(Err(StreamEnd::Broken)) => Some(Err(BrokenStream)),
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
            State::Subscribed(_) => SizeHint::default(),
        }
    }
}
