//! An agent in memory: whatever was written to it, it has answered. No socket, no task, no allocation of its own.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use nomad_forward::{Agent, Endpoint, connect::Connect};

const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\
    Date: Sun, 22 Nov 2026 03:00:00 GMT\r\n\r\n{\"ok\":true}";

/// Opens connections to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemoryConnect;

/// A connection to it.
#[derive(Debug, Default)]
pub(crate) struct MemoryConnection {
    unread: &'static [u8],
}

impl Connect for MemoryConnect {
    type Io = MemoryConnection;
    type Key = Endpoint;

    fn key(&self, agent: &Agent) -> Endpoint {
        agent.endpoint().clone()
    }

    async fn connect(&self, _agent: &Agent) -> io::Result<MemoryConnection> {
        Ok(MemoryConnection::default())
    }
}

impl Read for MemoryConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            // Whoever asks next polls again.
            return Poll::Pending;
        }
        into.put_slice(std::mem::take(&mut self.unread));
        Poll::Ready(Ok(()))
    }
}

impl Write for MemoryConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        request: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.unread = RESPONSE;
        cx.waker().wake_by_ref();
        Poll::Ready(Ok(request.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
