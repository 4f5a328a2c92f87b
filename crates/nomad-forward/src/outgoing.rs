//! The body of a request on its way from the caller to an agent.
//!
//! A body is read before anything is taken that others need: up to 64 KiB, which is all of most. What is larger
//! flows on from there at the caller's pace, and a caller who stops sending ends the request.

mod flowing;
mod pace;

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

pub(crate) use self::flowing::Progress;
use self::{flowing::Flowing, pace::Pace};

/// So much of a body is read before a place at an agent is asked for.
const READ_AHEAD: usize = 64 << 10;

/// Why the body of a request did not come. It is never the agent's fault.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum UploadError {
    /// The caller stopped sending, or sent next to nothing.
    #[error("the request's body did not come in time")]
    Silent,
    /// The caller broke off, or what it sent is no body.
    #[error("cannot read the request's body")]
    Broken(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl UploadError {
    /// What the caller did, if that is what broke a connection.
    pub(crate) fn behind(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut causes = std::iter::successors(Some(error), |error| error.source());
        causes.find_map(|error| error.downcast_ref::<Self>()).cloned()
    }
}

/// The body of a request on its way.
#[derive(Debug)]
pub struct Outgoing<B> {
    ahead: Ahead,
    rest: Rest<B>,
}

/// What was read ahead.
#[derive(Debug, Default)]
struct Ahead {
    /// Most bodies are one piece.
    first: Bytes,
    more: VecDeque<Bytes>,
    trailers: Option<Box<HeaderMap>>,
    length: usize,
}

/// What is still to be read.
#[derive(Debug)]
enum Rest<B> {
    Nothing,
    /// Nothing was read of it yet.
    Unread(B),
    /// All of it is here, and nobody is waited for.
    Here(B),
    Flowing(Box<Flowing<B>>),
}

impl<B> Outgoing<B> {
    /// A caller's body of which nothing was read.
    pub const fn unread(body: B) -> Self {
        let ahead = Ahead { first: Bytes::new(), more: VecDeque::new(), trailers: None, length: 0 };
        Self { ahead, rest: Rest::Unread(body) }
    }

    /// A body that is here already.
    pub(crate) fn here(body: B) -> Self {
        Self { ahead: Ahead::default(), rest: Rest::Here(body) }
    }

    /// No body.
    pub(crate) fn empty() -> Self {
        Self { ahead: Ahead::default(), rest: Rest::Nothing }
    }

    /// Whether nobody is waited for any more.
    pub(crate) const fn is_here(&self) -> bool {
        match &self.rest {
            Rest::Nothing | Rest::Here(_) => true,
            Rest::Unread(_) | Rest::Flowing(_) => false,
        }
    }

    /// All of it, where all of it was read.
    pub(crate) fn whole(&self) -> Option<Cow<'_, [u8]>> {
        match &self.rest {
            Rest::Nothing => Some(self.ahead.bytes()),
            Rest::Unread(_) | Rest::Here(_) | Rest::Flowing(_) => None,
        }
    }

    /// How the part that is still to come moves.
    pub(crate) fn progress(&self) -> Option<Arc<Progress>> {
        match &self.rest {
            Rest::Flowing(flowing) => Some(flowing.progress()),
            Rest::Nothing | Rest::Unread(_) | Rest::Here(_) => None,
        }
    }
}

impl<B> Outgoing<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Reads a caller's body as far as it is waited for. What was read ahead once is left as it is.
    ///
    /// # Errors
    /// [`UploadError`].
    pub(crate) async fn read_ahead(self) -> Result<Self, UploadError> {
        let Self { mut ahead, rest } = self;
        let mut body = match rest {
            Rest::Unread(body) => body,
            rest @ (Rest::Nothing | Rest::Here(_) | Rest::Flowing(_)) => {
                return Ok(Self { ahead, rest });
            }
        };
        let mut pace = Pace::new();
        while !body.is_end_stream() {
            if ahead.length >= READ_AHEAD {
                let rest = Rest::Flowing(Box::new(Flowing::new(body, pace)));
                return Ok(Self { ahead, rest });
            }
            let asked = Instant::now();
            let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
            let Ok(frame) = timeout(pace.left(), frame).await else {
                return Err(UploadError::Silent);
            };
            match frame.transpose().map_err(broken)? {
                Some(frame) => pace.moved(asked.elapsed(), ahead.push(frame)),
                None => break,
            }
        }
        Ok(Self { ahead, rest: Rest::Nothing })
    }
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> UploadError {
    UploadError::Broken(Arc::from(error.into()))
}

impl Ahead {
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

impl<B> Body for Outgoing<B>
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
        if let Some(frame) = this.ahead.pop() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut this.rest {
            Rest::Nothing => Poll::Ready(None),
            Rest::Unread(body) | Rest::Here(body) => {
                let frame = ready!(Pin::new(body).poll_frame(cx));
                Poll::Ready(frame.map(|frame| frame.map_err(broken)))
            }
            Rest::Flowing(flowing) => flowing.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty()
            && match &self.rest {
                Rest::Nothing => true,
                Rest::Unread(body) | Rest::Here(body) => body.is_end_stream(),
                Rest::Flowing(flowing) => flowing.is_end_stream(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        let ahead = self.ahead.length as u64;
        let rest = match &self.rest {
            // Trailers can follow only what has no length beforehand.
            Rest::Nothing if self.ahead.trailers.is_some() => SizeHint::new(),
            Rest::Nothing => SizeHint::with_exact(0),
            Rest::Unread(body) | Rest::Here(body) => body.size_hint(),
            Rest::Flowing(flowing) => flowing.size_hint(),
        };
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(ahead));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(ahead));
        }
        hint
    }
}
