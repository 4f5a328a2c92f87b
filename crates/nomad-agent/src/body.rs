//! The body of a response: bytes, or a stream that is produced while it is read.
//!
//! A stream's producer is a future inside the body. The reader of the body drives it, so back-pressure reaches the
//! producer without a task in between, and dropping the body immediately drops the producer with all that it holds
//! (files, log subscriptions).

mod content_coding;

use std::{
    convert::Infallible,
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

use self::content_coding::CompressedBody;
pub(crate) use self::content_coding::ContentCoding;
use crate::error::AgentError;

/// Chunks queued for a slow reader before the producer has to wait; the length of Nomad's frame queue.
const QUEUED_CHUNKS: usize = 32;

/// The body of an agent's response.
pub struct Body {
    kind: Kind,
    /// Dropped with the body, whether or not it was read to its end.
    guard: Option<Box<dyn Send>>,
}

enum Kind {
    Full(Bytes),
    Stream(Box<Stream>),
    Compressed(Box<CompressedBody>),
}

/// Where a producer sends its chunks. Each becomes one HTTP chunk, sent at once.
#[derive(Debug, Clone)]
pub(crate) struct ChunkSender {
    sender: mpsc::Sender<Bytes>,
}

/// The number of open streams of an agent.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenStreams(Arc<AtomicUsize>);

struct OpenStreamGuard(OpenStreams);

struct Stream {
    first: Option<Bytes>,
    chunks: mpsc::Receiver<Bytes>,
    /// `None` once it has ended.
    producer: Option<Producer>,
    failure: Option<AgentError>,
    _guard: OpenStreamGuard,
}

type Producer = Pin<Box<dyn Future<Output = Result<(), AgentError>> + Send>>;

impl Body {
    /// A body of bytes that are already there.
    #[must_use]
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Full(bytes.into()), guard: None }
    }

    /// A stream; resolves when its first chunk is there.
    ///
    /// Nomad sends no head before the first payload, so an error before it still becomes a status; a later error is
    /// appended to the body as text. A producer that ends without a chunk makes an empty body.
    ///
    /// # Errors
    /// The producer's, if it failed before its first chunk.
    pub(crate) async fn stream<F>(
        open: &OpenStreams,
        produce: impl FnOnce(ChunkSender) -> F,
    ) -> Result<Self, AgentError>
    where
        F: Future<Output = Result<(), AgentError>> + Send + 'static,
    {
        let (to, chunks) = mpsc::channel(QUEUED_CHUNKS);
        let mut stream = Box::new(Stream {
            first: None,
            chunks,
            producer: Some(Box::pin(produce(ChunkSender { sender: to }))),
            failure: None,
            _guard: open.register(),
        });
        stream.first = match poll_fn(|cx| stream.poll_chunk(cx)).await {
            None => return Ok(Self::full(Bytes::new())),
            Some(chunk) => Some(chunk?),
        };
        Ok(Self { kind: Kind::Stream(stream), guard: None })
    }

    /// Whether it is produced while it is read.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        matches!(self.kind, Kind::Stream(_) | Kind::Compressed(_))
    }

    /// The same body, compressed: each chunk of a stream can be decompressed as soon as it arrives.
    pub(crate) fn compress(self, packing: ContentCoding) -> Self {
        match self.kind {
            Kind::Full(bytes) => {
                Self { kind: Kind::Full(packing.compress(&bytes)), guard: self.guard }
            }
            Kind::Stream(_) | Kind::Compressed(_) => Self {
                kind: Kind::Compressed(Box::new(CompressedBody::new(packing, self))),
                guard: None,
            },
        }
    }

    /// Keeps `guard` until the body is dropped.
    pub(crate) fn with_guard(mut self, guard: impl Send + 'static) -> Self {
        self.guard = Some(Box::new(guard));
        self
    }
}

impl ChunkSender {
    /// Queues one chunk; waits while the reader is behind. Ignores an empty chunk.
    pub(crate) async fn send(&self, chunk: Bytes) {
        if !chunk.is_empty() {
            // The reader outlives the producer, which lives inside it.
            let _ = self.sender.send(chunk).await;
        }
    }

    /// As `send`, on a thread that may block. False when the reader is gone.
    pub(crate) fn send_blocking(&self, chunk: Bytes) -> bool {
        chunk.is_empty() || self.sender.blocking_send(chunk).is_ok()
    }
}

impl OpenStreams {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn register(&self) -> OpenStreamGuard {
        self.0.fetch_add(1, Ordering::Relaxed);
        OpenStreamGuard(self.clone())
    }
}

impl Drop for OpenStreamGuard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Stream {
    /// The next chunk: a queued one, otherwise what driving the producer yields.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, AgentError>>> {
        loop {
            match self.chunks.poll_recv(cx) {
                Poll::Ready(Some(chunk)) => return Poll::Ready(Some(Ok(chunk))),
                Poll::Ready(None) if self.producer.is_none() => {
                    return Poll::Ready(self.failure.take().map(Err));
                }
                Poll::Ready(None) | Poll::Pending => {}
            }
            let Some(producer) = &mut self.producer else { return Poll::Pending };
            match producer.as_mut().poll(cx) {
                Poll::Ready(result) => {
                    self.producer = None;
                    self.failure = result.err();
                }
                Poll::Pending => {
                    return match self.chunks.poll_recv(cx) {
                        Poll::Ready(Some(chunk)) => Poll::Ready(Some(Ok(chunk))),
                        Poll::Ready(None) | Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = match &mut self.kind {
            Kind::Compressed(packed) => return packed.poll_frame(cx),
            Kind::Full(bytes) if bytes.is_empty() => None,
            Kind::Full(bytes) => Some(std::mem::take(bytes)),
            Kind::Stream(stream) => match stream.first.take() {
                Some(first) => Some(first),
                None => std::task::ready!(stream.poll_chunk(cx)).map(|chunk| match chunk {
                    Ok(chunk) => chunk,
                    // The status has been sent: append the text, as Nomad does.
                    Err(error) => Bytes::from(error.into_http_error().text().to_owned()),
                }),
            },
        };
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.kind, Kind::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(_) | Kind::Compressed(_) => SizeHint::default(),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::full(bytes)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Full(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Kind::Stream(_) | Kind::Compressed(_) => f.write_str("Body(stream)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn frames(mut body: Body) -> Vec<String> {
        let mut seen = Vec::new();
        while let Some(Ok(frame)) = body.frame().await {
            seen.push(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap());
        }
        seen
    }

    #[tokio::test]
    async fn every_chunk_is_one_frame_and_a_late_error_is_text() {
        let open = OpenStreams::default();
        let body = Body::stream(&open, |chunks| async move {
            for text in ["one", "", "two"] {
                chunks.send(Bytes::from(text)).await;
            }
            Err(AgentError::internal("disk gone"))
        });
        let body = body.await.unwrap();
        assert!(body.is_stream());
        assert_eq!(open.count(), 1);
        assert_eq!(frames(body).await, ["one", "two", "disk gone"]);
        assert_eq!(open.count(), 0);
    }

    #[tokio::test]
    async fn an_early_error_is_an_error_and_an_early_end_is_empty() {
        let open = OpenStreams::default();
        let refused = Body::stream(&open, |_| async { Err(AgentError::NotRelayed) }).await;
        assert!(matches!(refused, Err(AgentError::NotRelayed)));
        let empty = Body::stream(&open, |_| async { Ok(()) }).await.unwrap();
        assert!(frames(empty).await.is_empty());
        assert_eq!(open.count(), 0);
    }

    #[tokio::test]
    async fn a_slow_reader_holds_the_producer_back() {
        let open = OpenStreams::default();
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        let mut body = Body::stream(&open, |chunks| async move {
            loop {
                chunks.send(Bytes::from_static(b"x")).await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        })
        .await
        .unwrap();
        assert!(sent.load(Ordering::Relaxed) <= QUEUED_CHUNKS);
        for _ in 0..1000 {
            body.frame().await.unwrap().unwrap();
        }
        assert!(sent.load(Ordering::Relaxed) <= 1000 + QUEUED_CHUNKS);
    }

    #[tokio::test]
    async fn dropping_the_body_drops_the_producer_at_once() {
        let open = OpenStreams::default();
        let held = Arc::new(());
        let inside = Arc::clone(&held);
        let body = Body::stream(&open, |chunks| async move {
            chunks.send(Bytes::from_static(b"x")).await;
            std::future::pending::<()>().await;
            drop(inside);
            Ok(())
        });
        let body = body.await.unwrap();
        assert_eq!(Arc::strong_count(&held), 2);
        drop(body);
        assert_eq!((Arc::strong_count(&held), open.count()), (1, 0));
    }
}
