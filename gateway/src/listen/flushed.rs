//! What an answer has said goes out before it breaks off.
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

use super::exchange::Over;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How often everything that a connection was given has gone out.
#[derive(Debug, Clone, Default)]
pub(super) struct Flushes(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    flushes: u64,
    waiting: Vec<Waker>,
}

impl Flushes {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self) -> u64 {
        self.seen().flushes
    }

    fn flushed(&self) {
        let mut seen = self.seen();
        seen.flushes += 1;
        seen.waiting.drain(..).for_each(Waker::wake);
    }

    /// Ready when there were more than so many.
    fn poll_more_than(&self, count: u64, cx: &Context<'_>) -> Poll<()> {
        let mut seen = self.seen();
        if seen.flushes > count {
            return Poll::Ready(());
        }
        if !seen.waiting.iter().any(|waiting| waiting.will_wake(cx.waker())) {
            seen.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// A connection that counts its flushes.
#[pin_project]
#[derive(Debug)]
pub(super) struct Flushing<T> {
    #[pin]
    inner: T,
    flushes: Flushes,
}

impl<T> Flushing<T> {
    pub(super) const fn new(inner: T, flushes: Flushes) -> Self {
        Self { inner, flushes }
    }
}

impl<T: rt::Read> rt::Read for Flushing<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().inner.poll_read(cx, buf)
    }
}

impl<T: rt::Write> rt::Write for Flushing<T> {
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
        this.flushes.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(cx)
    }
}

/// The body of an answer that breaks only when what came of it has gone out.
#[pin_project]
#[derive(Debug)]
pub(super) struct FlushedBody<B> {
    #[pin]
    inner: B,
    broken: Option<BoxError>,
    flushes: Flushes,
    /// The flushes before the last piece; before the head, as long as there is none.
    before: u64,
    /// Dropped with it, where somebody wants to know when it is over.
    over: Option<Over>,
}

impl<B> FlushedBody<B> {
    /// To be made when the head is handed to the connection.
    pub(super) fn new(inner: B, flushes: Flushes) -> Self {
        Self { inner, broken: None, before: flushes.count(), flushes, over: None }
    }

    /// Drops this when it is over.
    pub(super) fn until(self, over: Over) -> Self {
        Self { over: Some(over), ..self }
    }
}

impl<B> Body for FlushedBody<B>
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
        ready!(this.flushes.poll_more_than(*this.before, cx));
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
        Stopper,
        listen::{
            self, CallerBody,
            proxy_protocol::{Origin, Source},
        },
    };

    /// Less than what the answer is long, so that it cannot go out at once.
    const PIPE: usize = 64;

    /// An answer all of which is there at once, and then breaks.
    #[derive(Clone)]
    struct Breaking {
        pieces: usize,
    }

    impl tower_service::Service<Request<CallerBody>> for Breaking {
        type Response = Response<Pieces>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<CallerBody>) -> Self::Future {
            let pieces = (0..self.pieces).map(|number| Ok(Frame::data(piece(number))));
            let broken = std::iter::once_with(|| Err(io::Error::other("broken")));
            let all: Vec<_> = pieces.chain(broken).collect();
            std::future::ready(Ok(Response::new(StreamBody::new(stream::iter(all)))))
        }
    }

    type Pieces = StreamBody<stream::Iter<std::vec::IntoIter<io::Result<Frame<Bytes>>>>>;

    fn piece(number: usize) -> Bytes {
        format!("line {number}\n").into()
    }

    fn ask() -> Request<Empty<Bytes>> {
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

    struct World {
        caller: TokioIo<DuplexStream>,
        here: DuplexStream,
        origin: Origin,
        stopper: Stopper,
    }

    fn world() -> World {
        let (caller, here) = duplex(PIPE);
        let peer = ([127, 0, 0, 1], 1).into();
        let origin = Origin::new(peer, Source::Proxy, nomad_forward::Transport::Plain);
        World { caller: TokioIo::new(caller), here, origin, stopper: Stopper::new(Duration::ZERO) }
    }

    #[tokio::test]
    async fn what_came_of_a_broken_answer_goes_out() {
        for pieces in [0, 1, 100] {
            let World { caller, here, origin, stopper } = world();
            let served = Breaking { pieces };
            let source =
                listen::http1::Source { origin, heads: listen::heads::LargeHeads::default() };
            tokio::spawn(listen::http1::serve(here, source, served, stopper.listen()));
            let (mut sender, connection) = http1::handshake(caller).await.unwrap();
            tokio::spawn(connection);
            breaks_after(pieces, sender.send_request(ask())).await;
        }
    }

    #[tokio::test]
    async fn what_came_of_a_broken_answer_goes_out_over_http_2() {
        for pieces in [0, 1, 100] {
            let World { caller, here, origin, stopper } = world();
            let served = Breaking { pieces };
            tokio::spawn(listen::http2::serve(here, origin, served, stopper.listen()));
            let (mut sender, connection) =
                http2::handshake(TokioExecutor::new(), caller).await.unwrap();
            tokio::spawn(connection);
            breaks_after(pieces, sender.send_request(ask())).await;
        }
    }
}
