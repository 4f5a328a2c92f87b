//! Reads what the peer sent before a write failed, so that an early response is not lost.
//!
//! An agent may answer before it has read a request's body (a 413, a 403), and close. What is written after that fails,
//! and the response lies in the socket's buffer, unread. Whoever takes the failed write for the end of the connection
//! loses it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use hyper::rt;
use pin_project::pin_project;

/// So much is read at a time of what the other end said last.
const READ_CHUNK: usize = 4096;

/// A byte stream whose failed write is told only after all has been read that came. Nothing is written after it.
#[pin_project]
#[derive(Debug)]
pub(super) struct ReadAfterWriteError<T> {
    #[pin]
    inner: T,
    failed: Option<io::Error>,
}

impl<T> ReadAfterWriteError<T> {
    pub(super) const fn new(inner: T) -> Self {
        Self { inner, failed: None }
    }
}

impl<T: rt::Write> ReadAfterWriteError<T> {
    /// Writes, unless a write has failed. Whoever waits for this is woken by reading: a broken connection is read to its
    /// end at once.
    fn write_unless_failed<R>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let this = self.project();
        if this.failed.is_some() {
            return Poll::Pending;
        }
        match ready!(write(this.inner, cx)) {
            Ok(written) => Poll::Ready(Ok(written)),
            Err(error) => {
                *this.failed = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl<T: rt::Read> rt::Read for ReadAfterWriteError<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        if this.failed.is_none() {
            return this.inner.poll_read(cx, buf);
        }
        let mut bytes = [0; READ_CHUNK];
        let mut last = rt::ReadBuf::new(&mut bytes[..buf.remaining().min(READ_CHUNK)]);
        let read = ready!(this.inner.poll_read(cx, last.unfilled()));
        if read.is_ok() && !last.filled().is_empty() {
            buf.put_slice(last.filled());
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(this.failed.take().map_or(read, Err))
    }
}

impl<T: rt::Write> rt::Write for ReadAfterWriteError<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write_unless_failed(cx, |inner, cx| inner.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_unless_failed(cx, |inner, cx| inner.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_unless_failed(cx, |inner, cx| inner.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_came_is_read_before_a_failed_write_is_reported() {
        let (mut far, near) = duplex(64);
        far.write_all(b"413").await.unwrap();
        drop(far);
        let mut near = TokioIo::new(ReadAfterWriteError::new(TokioIo::new(near)));
        let mut said = Vec::new();
        let error = {
            let (mut read, mut write) = tokio::io::split(&mut near);
            tokio::select! {
                biased;
                _ = write.write_all(b"more") => panic!("a write that fails is told by reading"),
                read = read.read_to_end(&mut said) => read.unwrap_err(),
            }
        };
        assert_eq!((&*said, error.kind()), (&b"413"[..], io::ErrorKind::BrokenPipe));
    }
}
