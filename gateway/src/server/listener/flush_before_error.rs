//! Flushes what a response has written before its body fails.
//!
//! An answer that breaks takes its connection (or its stream of HTTP/2) with it, and hyper drops what was handed to it
//! and not yet written: the last lines of a log, or all of a short answer. Here the body keeps its error until the
//! connection has been flushed.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::rt;
use pin_project::pin_project;

use super::exchange::ResponseGuard;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How often everything that a connection was given has gone out.
#[derive(Debug, Clone, Default)]
pub(super) struct FlushCounter(Arc<Mutex<FlushState>>);

#[derive(Debug, Default)]
struct FlushState {
    count: u64,
    wakers: Vec<Waker>,
}

impl FlushCounter {
    fn lock(&self) -> MutexGuard<'_, FlushState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self) -> u64 {
        self.lock().count
    }

    fn increment(&self) {
        let mut seen = self.lock();
        seen.count += 1;
        seen.wakers.drain(..).for_each(Waker::wake);
    }

    /// Ready when there were more than so many.
    fn poll_above(&self, count: u64, cx: &Context<'_>) -> Poll<()> {
        let mut seen = self.lock();
        if seen.count > count {
            return Poll::Ready(());
        }
        if !seen.wakers.iter().any(|waiting| waiting.will_wake(cx.waker())) {
            seen.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// A connection that counts its flushes.
#[pin_project]
#[derive(Debug)]
pub(super) struct CountFlushes<T> {
    #[pin]
    inner: T,
    flushes: FlushCounter,
}

impl<T> CountFlushes<T> {
    pub(super) const fn new(inner: T, flushes: FlushCounter) -> Self {
        Self { inner, flushes }
    }
}

impl<T: rt::Read> rt::Read for CountFlushes<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().inner.poll_read(cx, buf)
    }
}

impl<T: rt::Write> rt::Write for CountFlushes<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// hyper comes here only when it holds nothing back itself.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        ready!(this.inner.poll_flush(cx))?;
        this.flushes.increment();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(cx)
    }
}

/// The body of an answer that breaks only when what came of it has gone out.
#[pin_project]
#[derive(Debug)]
pub(super) struct FlushBeforeErrorBody<B> {
    #[pin]
    inner: B,
    broken: Option<BoxError>,
    flushes: FlushCounter,
    /// The flushes before the last piece; before the head, as long as there is none.
    before: u64,
    /// Dropped with it, where somebody wants to know when it is over.
    over: Option<ResponseGuard>,
}

impl<B> FlushBeforeErrorBody<B> {
    /// To be made when the head is handed to the connection.
    pub(super) fn new(inner: B, flushes: FlushCounter) -> Self {
        Self { inner, broken: None, before: flushes.count(), flushes, over: None }
    }

    /// Drops this when it is over.
    pub(super) fn with_guard(self, over: ResponseGuard) -> Self {
        Self { over: Some(over), ..self }
    }
}

impl<B> Body for FlushBeforeErrorBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        if this.broken.is_none() {
            match ready!(this.inner.poll_frame(cx)) {
                Some(Err(error)) => *this.broken = Some(error.into()),
                Some(Ok(frame)) => {
                    *this.before = this.flushes.count();
                    return Poll::Ready(Some(Ok(frame)));
                }
                None => return Poll::Ready(None),
            }
        }
        ready!(this.flushes.poll_above(*this.before, cx));
        Poll::Ready(this.broken.take().map(Err))
    }

    fn is_end_stream(&self) -> bool {
        self.broken.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use futures_util::stream;
    use http::{Request, Response};
    use http_body_util::{BodyExt as _, Empty, StreamBody};
    use hyper::{
        body::Incoming,
        client::conn::{http1, http2},
    };
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::io::{DuplexStream, duplex};

    use super::*;
    use crate::{
        ShutdownController,
        server::listener::{
            self, IncomingBody,
            proxy_protocol::{Origin, Source},
        },
    };

    /// Less than what the answer is long, so that it cannot go out at once.
    const PIPE_SIZE: usize = 64;

    /// An answer all of which is there at once, and then breaks.
    #[derive(Clone)]
    struct BreakingService {
        pieces: usize,
    }

    impl tower_service::Service<Request<IncomingBody>> for BreakingService {
        type Response = Response<PiecesBody>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<IncomingBody>) -> Self::Future {
            let pieces = (0..self.pieces).map(|number| Ok(Frame::data(piece(number))));
            let broken = std::iter::once_with(|| Err(io::Error::other("broken")));
            let all: Vec<_> = pieces.chain(broken).collect();
            std::future::ready(Ok(Response::new(StreamBody::new(stream::iter(all)))))
        }
    }

    type PiecesBody = StreamBody<stream::Iter<std::vec::IntoIter<io::Result<Frame<Bytes>>>>>;

    fn piece(number: usize) -> Bytes {
        format!("line {number}\n").into()
    }

    fn request() -> Request<Empty<Bytes>> {
        let request = Request::get("http://gateway.test/").header("host", "gateway.test");
        request.body(Empty::new()).unwrap()
    }

    /// An answer breaks, and not before all its pieces have come.
    async fn breaks_after(
        pieces: usize,
        answer: impl Future<Output = hyper::Result<Response<Incoming>>>,
    ) {
        let mut answer = answer.await.unwrap().into_body();
        let mut seen = Vec::new();
        while let Ok(frame) = answer.frame().await.expect("a broken answer looks whole") {
            seen.extend_from_slice(&frame.into_data().unwrap());
        }
        assert_eq!(seen, (0..pieces).flat_map(piece).collect::<Vec<u8>>());
    }

    struct TestConnection {
        client: TokioIo<DuplexStream>,
        server: DuplexStream,
        origin: Origin,
        controller: ShutdownController,
    }

    fn test_connection() -> TestConnection {
        let (client, server) = duplex(PIPE_SIZE);
        let peer = ([127, 0, 0, 1], 1).into();
        let origin = Origin::new(peer, Source::Proxy, nomad_forward::Transport::Plain);
        TestConnection {
            client: TokioIo::new(client),
            server,
            origin,
            controller: ShutdownController::new(Duration::ZERO),
        }
    }

    #[tokio::test]
    async fn what_came_of_a_broken_response_goes_out() {
        for pieces in [0, 1, 100] {
            let TestConnection { client, server, origin, controller } = test_connection();
            let served = BreakingService { pieces };
            let source = listener::http1::Source {
                origin,
                heads: listener::head_rewriter::LargeHeads::default(),
            };
            tokio::spawn(listener::http1::serve(server, source, served, controller.subscribe()));
            let (mut sender, connection) = http1::handshake(client).await.unwrap();
            tokio::spawn(connection);
            breaks_after(pieces, sender.send_request(request())).await;
        }
    }

    #[tokio::test]
    async fn what_came_of_a_broken_response_goes_out_over_http_2() {
        for pieces in [0, 1, 100] {
            let TestConnection { client, server, origin, controller } = test_connection();
            let served = BreakingService { pieces };
            tokio::spawn(listener::http2::serve(server, origin, served, controller.subscribe()));
            let (mut sender, connection) =
                http2::handshake(TokioExecutor::new(), client).await.unwrap();
            tokio::spawn(connection);
            breaks_after(pieces, sender.send_request(request())).await;
        }
    }
}
