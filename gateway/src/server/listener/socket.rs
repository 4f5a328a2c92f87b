//! The socket of an HTTP/1.1 client: when it is at its end, and how it is closed.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{exchange::Exchange, half_closed::HalfClosed};
use crate::server::linger::Linger;

/// A byte stream that tells [`Exchange`] what moves on it, and asks it what an end means.
#[pin_project]
#[derive(Debug)]
pub(super) struct Socket<T> {
    #[pin]
    inner: T,
    exchange: Arc<Exchange>,
    /// Nothing more comes. On the heap, for most connections never need it.
    half_closed: Option<Box<HalfClosed>>,
    linger: Option<Box<Linger>>,
}

impl<T> Socket<T> {
    pub(super) const fn new(inner: T, exchange: Arc<Exchange>) -> Self {
        Self { inner, exchange, half_closed: None, linger: None }
    }
}

impl<T: AsyncRead> AsyncRead for Socket<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        if this.exchange.is_upgraded() {
            return this.inner.poll_read(cx, buffer);
        }
        if this.half_closed.is_none() {
            let before = buffer.filled().len();
            ready!(this.inner.poll_read(cx, buffer))?;
            if buffer.filled().len() > before || buffer.remaining() == 0 {
                this.exchange.record_read();
                return Poll::Ready(Ok(()));
            }
        }
        let half_closed = this.half_closed.get_or_insert_with(|| Box::new(HalfClosed::new()));
        half_closed.poll(this.exchange, cx).map(Ok)
    }
}

impl<T: AsyncRead + AsyncWrite> AsyncWrite for Socket<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let written = ready!(this.inner.poll_write(cx, bytes));
        if let Some(half_closed) = this.half_closed {
            half_closed.record_progress();
        }
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let written = ready!(this.inner.poll_write_vectored(cx, pieces));
        if let Some(half_closed) = this.half_closed {
            half_closed.record_progress();
        }
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        ready!(this.inner.poll_flush(cx))?;
        this.exchange.record_flush();
        Poll::Ready(Ok(()))
    }

    /// Closes the sending side. Whoever is still sending then is read from for a while, so that it can read the answer.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.project();
        if let Some(linger) = this.linger {
            return linger.poll(this.inner.as_mut(), cx).map(Ok);
        }
        ready!(this.inner.as_mut().poll_shutdown(cx))?;
        let has_ended = this.half_closed.is_some() || this.exchange.is_upgraded();
        if has_ended || !this.exchange.has_unread_input() {
            return Poll::Ready(Ok(()));
        }
        let linger = this.linger.insert(Box::new(Linger::new()));
        linger.poll(this.inner, cx).map(Ok)
    }
}
