//! A `Stream` of the frames in an HTTP body.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf as _;
use futures_core::Stream;
use http_body::Body;
use thiserror::Error;

use crate::decoder::{Decoder, DecoderFull};
use crate::error::FrameError;
use crate::frame::FrameBuf;
use crate::limits::Limits;

/// The frames of an HTTP body, each as soon as its last byte is there.
///
/// Nothing is read ahead: the body is polled once the frames of the last chunk are out. Dropping
/// the stream drops the body, and with it the request. Trailers are ignored.
#[derive(Debug)]
pub struct FrameStream<B> {
    body: B,
    decoder: Decoder,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// The decoder may have frames.
    HasChunk,
    /// The decoder has none until the body gives more.
    NeedsChunk,
    /// The end or an error was reported.
    Done,
}

impl<B> FrameStream<B> {
    /// The frames of `body`.
    #[must_use]
    pub fn new(body: B, limits: Limits) -> Self {
        Self { body, decoder: Decoder::new(limits), state: State::NeedsChunk }
    }
}

impl<B: Body + Unpin> FrameStream<B> {
    /// Takes the next chunk of the body; false at its end.
    fn poll_feed(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool, FrameStreamError<B::Error>>> {
        loop {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)) else {
                return Poll::Ready(self.decoder.finish().map(|()| false).map_err(Into::into));
            };
            if let Ok(mut data) = frame.map_err(FrameStreamError::Body)?.into_data() {
                self.decoder.feed(data.copy_to_bytes(data.remaining()))?;
                return Poll::Ready(Ok(true));
            }
        }
    }

    fn poll_next_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<FrameBuf>, FrameStreamError<B::Error>>> {
        loop {
            if self.state == State::NeedsChunk {
                if !ready!(self.poll_feed(cx))? {
                    return Poll::Ready(Ok(None));
                }
                self.state = State::HasChunk;
            }
            if let Some(frame) = self.decoder.next_frame()? {
                return Poll::Ready(Ok(Some(frame.to_buf())));
            }
            self.state = State::NeedsChunk;
        }
    }
}

impl<B: Body + Unpin> Stream for FrameStream<B> {
    type Item = Result<FrameBuf, FrameStreamError<B::Error>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.state == State::Done {
            return Poll::Ready(None);
        }
        let next = ready!(self.poll_next_frame(cx)).transpose();
        if !matches!(next, Some(Ok(_))) {
            self.state = State::Done;
        }
        Poll::Ready(next)
    }
}

/// Why a body gives no further frame.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FrameStreamError<E> {
    /// The body failed.
    #[error("body failed")]
    Body(#[source] E),
    /// The body ended otherwise than on a frame boundary.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Too much was fed, which cannot happen here.
    #[error(transparent)]
    DecoderFull(#[from] DecoderFull),
}
