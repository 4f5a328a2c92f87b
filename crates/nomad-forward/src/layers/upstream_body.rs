//! A request body on its way to an upstream agent.
//!
//! A body is read before anything is taken that others need: up to 64 KiB, which is all of most. What is larger
//! flows on from there at the caller's pace, and a caller who stops sending ends the request.

mod idle_allowance;
mod streaming_body;

use std::{
    borrow::Cow,
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, timeout};

pub(crate) use self::streaming_body::Progress;
use self::{idle_allowance::IdleAllowance, streaming_body::StreamingBody};

/// So much of a body is read before a place at an agent is asked for.
const MAX_READ_AHEAD: usize = 64 << 10;

/// Why the body of a request did not come. It is never the agent's fault.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum UploadError {
    /// The caller stopped sending, or sent next to nothing.
    #[error("the request's body did not come in time")]
    Timeout,
    /// The caller broke off, or what it sent is no body.
    #[error("cannot read the request's body")]
    Broken(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl UploadError {
    /// What the caller did, if that is what broke a connection.
    pub(crate) fn find_in(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut causes = std::iter::successors(Some(error), |error| error.source());
        causes.find_map(|error| error.downcast_ref::<Self>()).cloned()
    }
}

/// The body of a request on its way.
#[derive(Debug)]
pub struct UpstreamBody<B> {
    read_ahead: ReadAhead,
    remainder: Remainder<B>,
}

/// What was read ahead.
#[derive(Debug, Default)]
struct ReadAhead {
    /// Most bodies are one piece.
    first: Bytes,
    more: VecDeque<Bytes>,
    trailers: Option<Box<HeaderMap>>,
    length: usize,
}

/// What is still to be read.
#[derive(Debug)]
enum Remainder<B> {
    Empty,
    /// Nothing was read of it yet.
    Unread(B),
    /// All of it is here, and nobody is waited for.
    Buffered(B),
    Streaming(Box<StreamingBody<B>>),
}

impl<B> UpstreamBody<B> {
    /// A caller's body of which nothing was read.
    pub const fn unread(body: B) -> Self {
        let ahead =
            ReadAhead { first: Bytes::new(), more: VecDeque::new(), trailers: None, length: 0 };
        Self { read_ahead: ahead, remainder: Remainder::Unread(body) }
    }

    /// A body that is here already.
    pub(crate) fn buffered(body: B) -> Self {
        Self { read_ahead: ReadAhead::default(), remainder: Remainder::Buffered(body) }
    }

    /// No body.
    pub(crate) fn empty() -> Self {
        Self { read_ahead: ReadAhead::default(), remainder: Remainder::Empty }
    }

    /// Whether nobody is waited for any more.
    pub(crate) const fn is_complete(&self) -> bool {
        match &self.remainder {
            Remainder::Empty | Remainder::Buffered(_) => true,
            Remainder::Unread(_) | Remainder::Streaming(_) => false,
        }
    }

    /// All of it, where all of it was read.
    pub(crate) fn complete_bytes(&self) -> Option<Cow<'_, [u8]>> {
        match &self.remainder {
            Remainder::Empty => Some(self.read_ahead.bytes()),
            Remainder::Unread(_) | Remainder::Buffered(_) | Remainder::Streaming(_) => None,
        }
    }

    /// How the part that is still to come moves.
    pub(crate) fn progress(&self) -> Option<Arc<Progress>> {
        match &self.remainder {
            Remainder::Streaming(flowing) => Some(flowing.progress()),
            Remainder::Empty | Remainder::Unread(_) | Remainder::Buffered(_) => None,
        }
    }
}

impl<B> UpstreamBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Reads a caller's body as far as it is waited for. What was read ahead once is left as it is.
    ///
    /// # Errors
    /// [`UploadError`].
    pub(crate) async fn read_ahead(self) -> Result<Self, UploadError> {
        let Self { read_ahead: mut ahead, remainder: rest } = self;
        let mut body = match rest {
            Remainder::Unread(body) => body,
            rest @ (Remainder::Empty | Remainder::Buffered(_) | Remainder::Streaming(_)) => {
                return Ok(Self { read_ahead: ahead, remainder: rest });
            }
        };
        let mut pace = IdleAllowance::new();
        while !body.is_end_stream() {
            if ahead.length >= MAX_READ_AHEAD {
                let rest = Remainder::Streaming(Box::new(StreamingBody::new(body, pace)));
                return Ok(Self { read_ahead: ahead, remainder: rest });
            }
            let asked = Instant::now();
            let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
            let Ok(frame) = timeout(pace.remaining(), frame).await else {
                return Err(UploadError::Timeout);
            };
            match frame.transpose().map_err(broken_upload)? {
                Some(frame) => pace.record(asked.elapsed(), ahead.push(frame)),
                None => break,
            }
        }
        Ok(Self { read_ahead: ahead, remainder: Remainder::Empty })
    }
}

fn broken_upload(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> UploadError {
    UploadError::Broken(Arc::from(error.into()))
}

impl ReadAhead {
    /// Keeps a frame, and says how many bytes it has.
    fn push(&mut self, frame: Frame<Bytes>) -> usize {
        let frame = match frame.into_data() {
            Ok(data) => {
                let length = data.len();
                self.length += length;
                if self.first.is_empty() && self.more.is_empty() {
                    self.first = data;
                } else {
                    self.more.push_back(data);
                }
                return length;
            }
            Err(frame) => frame,
        };
        if let Ok(trailers) = frame.into_trailers() {
            self.trailers = Some(Box::new(trailers));
        }
        0
    }

    fn pop(&mut self) -> Option<Frame<Bytes>> {
        let data = if self.first.is_empty() {
            self.more.pop_front()
        } else {
            Some(std::mem::take(&mut self.first))
        };
        match data {
            Some(data) => {
                self.length -= data.len();
                Some(Frame::data(data))
            }
            None => self.trailers.take().map(|trailers| Frame::trailers(*trailers)),
        }
    }

    fn bytes(&self) -> Cow<'_, [u8]> {
        if self.more.is_empty() {
            return Cow::Borrowed(&self.first);
        }
        let pieces = std::iter::once(&self.first).chain(&self.more);
        Cow::Owned(pieces.flat_map(|piece| piece.iter().copied()).collect())
    }

    const fn is_empty(&self) -> bool {
        self.length == 0 && self.trailers.is_none()
    }
}

impl<B> Body for UpstreamBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let this = self.get_mut();
        if let Some(frame) = this.read_ahead.pop() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut this.remainder {
            Remainder::Empty => Poll::Ready(None),
            Remainder::Unread(body) | Remainder::Buffered(body) => {
                let frame = ready!(Pin::new(body).poll_frame(cx));
                Poll::Ready(frame.map(|frame| frame.map_err(broken_upload)))
            }
            Remainder::Streaming(flowing) => flowing.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read_ahead.is_empty()
            && match &self.remainder {
                Remainder::Empty => true,
                Remainder::Unread(body) | Remainder::Buffered(body) => body.is_end_stream(),
                Remainder::Streaming(flowing) => flowing.is_end_stream(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        let ahead = self.read_ahead.length as u64;
        let rest = match &self.remainder {
            // Trailers can follow only what has no length beforehand.
            Remainder::Empty if self.read_ahead.trailers.is_some() => SizeHint::new(),
            Remainder::Empty => SizeHint::with_exact(0),
            Remainder::Unread(body) | Remainder::Buffered(body) => body.size_hint(),
            Remainder::Streaming(flowing) => flowing.size_hint(),
        };
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(ahead));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(ahead));
        }
        hint
    }
}
