//! The body of a response, or of an error.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

/// The agent's bytes, or the text of an error.
#[pin_project]
#[derive(Debug)]
pub struct RescueBody<R> {
    #[pin]
    state: State<R>,
}

#[pin_project(project = StateProjection)]
#[derive(Debug)]
enum State<R> {
    Answer(#[pin] R),
    Text(Option<Bytes>),
}

impl<R> RescueBody<R> {
    pub(super) const fn inner(body: R) -> Self {
        Self { state: State::Answer(body) }
    }
}

impl<R> From<Bytes> for RescueBody<R> {
    fn from(text: Bytes) -> Self {
        Self { state: State::Text(Some(text).filter(|text| !text.is_empty())) }
    }
}

impl<R: Body<Data = Bytes>> Body for RescueBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        match self.project().state.project() {
            StateProjection::Answer(body) => body.poll_frame(cx),
            StateProjection::Text(text) => {
                Poll::Ready(text.take().map(|text| Ok(Frame::data(text))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Answer(body) => body.is_end_stream(),
            State::Text(text) => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Answer(body) => body.size_hint(),
            State::Text(text) => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
        }
    }
}
