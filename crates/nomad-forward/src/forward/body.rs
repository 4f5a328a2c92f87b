//! The body of a forwarded answer.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project::pin_project;

use crate::{connect::Connection, outgoing::Outgoing};

/// The bytes of an answer, as they come. Read to its end it gives its connection back; dropped before, it closes it.
///
/// An answer that breaks is an error at once. Who serves it on with hyper loses then what the caller's connection has
/// not yet written, unless the error is kept back until it has.
#[pin_project]
#[derive(Debug)]
pub struct ForwardBody<B> {
    #[pin]
    incoming: Incoming,
    connection: Option<Connection<Outgoing<B>>>,
}

impl<B> ForwardBody<B> {
    pub(crate) fn new(incoming: Incoming, connection: Connection<Outgoing<B>>) -> Self {
        let mut body = Self { incoming, connection: Some(connection) };
        if body.incoming.is_end_stream() {
            give_back(&mut body.connection);
        }
        body
    }

    /// The empty body of an answer after which the connection speaks something else.
    pub(super) const fn without_connection(incoming: Incoming) -> Self {
        Self { incoming, connection: None }
    }
}

fn give_back<B>(connection: &mut Option<Connection<Outgoing<B>>>) {
    if let Some(connection) = connection.take() {
        connection.give_back();
    }
}

impl<B> Body for ForwardBody<B> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut this = self.project();
        // Looked at without a waker first: what is here already needs nobody to move anything.
        let waiting = this.incoming.as_mut().poll_frame(&mut Context::from_waker(Waker::noop()));
        let frame = match (waiting, this.connection.as_mut()) {
            (Poll::Ready(frame), _) => frame,
            (Poll::Pending, connection) => {
                if let Some(connection) = connection {
                    connection.drive(cx);
                }
                ready!(this.incoming.as_mut().poll_frame(cx))
            }
        };
        match frame {
            Some(Err(_)) => drop(this.connection.take()),
            Some(Ok(_)) if this.incoming.is_end_stream() => give_back(this.connection),
            None => give_back(this.connection),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
