//! Rewrites request heads that Nomad serves and hyper would refuse.
//!
//! Bytes that Nomad takes in a request line and `http::Uri` does not (`"`, `<`, `>`, bytes beyond ASCII) are
//! percent-encoded before hyper sees them. A head that cannot be served is replaced by a small one, and [`Refusals`] says
//! which request that is, so that a refusal is answered, named and logged as every other request. Nothing is decided
//! here: hyper reads what comes out, and whoever confuses this reader changes his own bytes alone.

mod chunked_body;
mod head;
mod room;
mod scanner;

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(super) use self::room::LargeHeads;
use self::{
    room::Room,
    scanner::{ScanOutput, Scanner},
};
use super::exchange::Exchange;
use crate::Invalid;

/// Which request of a connection is refused, if one is. It is the last one.
#[derive(Debug, Clone, Default)]
pub(super) struct HeadErrors(Arc<HeadErrorsInner>);

#[derive(Debug, Default)]
struct HeadErrorsInner {
    error: OnceLock<(usize, Invalid)>,
    requests_seen: AtomicUsize,
}

impl HeadErrors {
    /// Counts a request, and says why it is refused. To be called once for each, in their order.
    pub(super) fn next_request(&self) -> Option<Invalid> {
        let number = self.0.requests_seen.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.error.get().filter(|(refused, _)| *refused == number).map(|(_, why)| *why)
    }
}

/// A caller's connection, of which heads are looked at.
#[derive(Debug)]
pub(super) struct HeadRewriter<I> {
    io: I,
    scan: Scanner,
    /// What goes on in place of what came.
    replacement: Bytes,
    errors: HeadErrors,
    exchange: Arc<Exchange>,
}

impl<I> HeadRewriter<I> {
    pub(super) const fn new(
        io: I,
        room: Room,
        refusals: HeadErrors,
        exchange: Arc<Exchange>,
    ) -> Self {
        Self { io, scan: Scanner::new(room), replacement: Bytes::new(), errors: refusals, exchange }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for HeadRewriter<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.replacement.has_remaining() {
                let len = this.replacement.len().min(buf.remaining());
                buf.put_slice(&this.replacement.split_to(len));
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
            let came = &buf.filled()[before..];
            if came.is_empty() {
                // The end. A head that was not sent to its end is none.
                return Poll::Ready(Ok(()));
            }
            let passed = this.scan.scan(came);
            this.exchange.came(this.scan.is_outside_of_bodies());
            if let Some(refused) = this.scan.error() {
                this.errors.0.error.get_or_init(|| refused);
            }
            match passed {
                ScanOutput::Unchanged(len) => {
                    buf.set_filled(before + len);
                    if len > 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                ScanOutput::Replaced(bytes) => {
                    buf.set_filled(before);
                    this.replacement = bytes.into();
                }
            }
        }
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for HeadRewriter<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
