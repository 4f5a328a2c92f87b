//! What callers write in the heads of their requests that hyper would refuse.
//!
//! Bytes that Nomad takes in a request line and `http::Uri` does not (`"`, `<`, `>`, bytes beyond ASCII) are
//! percent-encoded before hyper sees them. A head that cannot be served is replaced by a small one, and [`Refusals`] says
//! which request that is, so that a refusal is answered, named and logged as every other request. Nothing is decided
//! here: hyper reads what comes out, and whoever confuses this reader changes his own bytes alone.

mod chunks;
mod head;
mod room;
mod scan;

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
    scan::{Passed, Scan},
};
use super::exchange::Exchange;
use crate::Refused;

/// Which request of a connection is refused, if one is. It is the last one.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals(Arc<Told>);

#[derive(Debug, Default)]
struct Told {
    refused: OnceLock<(usize, Refused)>,
    requests: AtomicUsize,
}

impl Refusals {
    /// Counts a request, and says why it is refused. To be called once for each, in their order.
    pub(super) fn next(&self) -> Option<Refused> {
        let number = self.0.requests.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.refused.get().filter(|(refused, _)| *refused == number).map(|(_, why)| *why)
    }
}

/// A caller's connection, of which heads are looked at.
#[derive(Debug)]
pub(super) struct Heads<I> {
    io: I,
    scan: Scan,
    /// What goes on in place of what came.
    instead: Bytes,
    refusals: Refusals,
    exchange: Arc<Exchange>,
}

impl<I> Heads<I> {
    pub(super) const fn new(
        io: I,
        room: Room,
        refusals: Refusals,
        exchange: Arc<Exchange>,
    ) -> Self {
        Self { io, scan: Scan::new(room), instead: Bytes::new(), refusals, exchange }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Heads<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.instead.has_remaining() {
                let len = this.instead.len().min(buf.remaining());
                buf.put_slice(&this.instead.split_to(len));
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
            let came = &buf.filled()[before..];
            if came.is_empty() {
                // The end. A head that was not sent to its end is none.
                return Poll::Ready(Ok(()));
            }
            let passed = this.scan.take(came);
            this.exchange.came(this.scan.is_outside_of_bodies());
            if let Some(refused) = this.scan.refused() {
                this.refusals.0.refused.get_or_init(|| refused);
            }
            match passed {
                Passed::AsIs(len) => {
                    buf.set_filled(before + len);
                    if len > 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                Passed::Instead(bytes) => {
                    buf.set_filled(before);
                    this.instead = bytes.into();
                }
            }
        }
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Heads<I> {
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
