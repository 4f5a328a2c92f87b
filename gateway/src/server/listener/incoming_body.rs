//! The body of a client's request.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::runtime::Handle;

use super::exchange::Exchange;
use crate::server::linger;

/// The body of a caller's request, as it comes.
#[derive(Debug)]
pub struct IncomingBody {
    /// There until it is dropped.
    inner: Option<Incoming>,
    unread: OnDrop,
}

/// What becomes of a body that nobody reads to its end.
#[derive(Debug)]
enum OnDrop {
    /// There is none.
    Ignore,
    /// HTTP/1.1: the connection reads on when it closes.
    Connection(Arc<Exchange>),
    /// HTTP/2: the stream is read on.
    Stream,
}

impl IncomingBody {
    /// Over HTTP/1.1.
    pub(super) fn from_http1(inner: Incoming, exchange: &Arc<Exchange>) -> Self {
        let unread = if inner.is_end_stream() {
            OnDrop::Ignore
        } else {
            OnDrop::Connection(Arc::clone(exchange))
        };
        Self { inner: Some(inner), unread }
    }

    /// Over HTTP/2.
    pub(super) fn from_http2(inner: Incoming) -> Self {
        let unread = if inner.is_end_stream() { OnDrop::Ignore } else { OnDrop::Stream };
        Self { inner: Some(inner), unread }
    }

    fn mark_ended(&mut self) {
        if let OnDrop::Connection(exchange) = std::mem::replace(&mut self.unread, OnDrop::Ignore) {
            exchange.end_request_body();
        }
    }
}

impl Body for IncomingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        let polled = Pin::new(&mut *inner).poll_frame(cx);
        let is_end = inner.is_end_stream();
        match &polled {
            Poll::Ready(Some(Ok(_))) if !is_end => {}
            Poll::Ready(_) => this.mark_ended(),
            Poll::Pending => {
                if let OnDrop::Connection(exchange) = &this.unread {
                    exchange.starve_body();
                }
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for IncomingBody {
    /// A stream that is given up is reset, and a caller who is still sending may hear of that before it has read the answer.
    fn drop(&mut self) {
        if let (OnDrop::Stream, Some(rest)) = (&self.unread, self.inner.take())
            && let Ok(runtime) = Handle::try_current()
        {
            drop(runtime.spawn(linger::linger_on_body(rest)));
        }
    }
}
