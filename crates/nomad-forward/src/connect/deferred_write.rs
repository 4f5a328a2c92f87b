//! Writes after the other ready tasks of the thread ran, so that several become one.
//!
//! A write wakes whoever reads at the other end, and waking a sleeper costs more than the write. When several requests are
//! ready at once, each of them is read and decided about before the first is written: the writes then follow each other
//! closely, and the other end, awake by the first one, finds the others without having slept again.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use hyper::rt;
use pin_project::pin_project;

/// A byte stream whose writes let everybody else on the thread have their turn first: once, until it is flushed. Reads do
/// not wait.
#[pin_project]
#[derive(Debug)]
pub struct DeferredWrite<T> {
    #[pin]
    inner: T,
    has_waited: bool,
}

impl<T> DeferredWrite<T> {
    /// Lets writes to `inner` wait.
    pub const fn new(inner: T) -> Self {
        Self { inner, has_waited: false }
    }
}

impl<T: rt::Write> DeferredWrite<T> {
    /// Writes from the second call on, which follows as soon as everybody else was looked at.
    fn write_deferred(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        if !std::mem::replace(this.has_waited, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        write(this.inner, cx)
    }
}

impl<T: rt::Read> rt::Read for DeferredWrite<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().inner.poll_read(cx, buf)
    }
}

impl<T: rt::Write> rt::Write for DeferredWrite<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write_deferred(cx, |inner, cx| inner.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_deferred(cx, |inner, cx| inner.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        ready!(this.inner.poll_flush(cx))?;
        *this.has_waited = false;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use hyper_util::rt::TokioIo;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        task::LocalSet,
    };

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn what_is_ready_is_read_before_anything_is_written() {
        let seen: Rc<RefCell<Vec<&str>>> = Rc::default();
        let local = LocalSet::new();
        for _ in 0..2 {
            let (mut far, near) = duplex(64);
            far.write_all(b"?").await.unwrap();
            let seen = Rc::clone(&seen);
            local.spawn_local(async move {
                let mut near = TokioIo::new(DeferredWrite::new(TokioIo::new(near)));
                near.read_exact(&mut [0]).await.unwrap();
                seen.borrow_mut().push("read");
                near.write_all(b"!").await.unwrap();
                seen.borrow_mut().push("written");
                drop(far);
            });
        }
        local.await;
        assert_eq!(*seen.borrow(), ["read", "read", "written", "written"]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_stream_that_takes_little_gets_all_of_it_in_order() {
        let (mut far, near) = duplex(3);
        let text: Vec<u8> = (0..=255).collect();
        let expected = text.clone();
        let mut near = TokioIo::new(DeferredWrite::new(TokioIo::new(near)));
        let write = async move { near.write_all(&text).await.unwrap() };
        let read = async move {
            let mut got = Vec::new();
            far.read_to_end(&mut got).await.unwrap();
            got
        };
        let ((), got) = tokio::join!(write, read);
        assert_eq!(got, expected);
    }
}
