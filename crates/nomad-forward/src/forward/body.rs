//! The body of a forwarded answer.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project::pin_project;

use super::Outgoing;
use crate::connect::Connection;

/// The bytes of an answer, as they come. Read to its end it gives its connection back; dropped before, it closes it.
#[pin_project]
#[derive(Debug)]
pub struct ForwardBody<B> {
    #[pin]
    incoming: Incoming,
    connection: Option<Connection<Outgoing<B>>>,
    broken: Option<Broken>,
}

/// Why no more comes, told when what came before has gone out.
#[derive(Debug)]
struct Broken {
    error: hyper::Error,
    /// The caller's connection writes in its second turn, see [`Turn`](crate::connect::Turn).
    turns: u8,
}

impl<B> ForwardBody<B> {
    pub(crate) fn new(incoming: Incoming, connection: Connection<Outgoing<B>>) -> Self {
        let mut body = Self { incoming, connection: Some(connection), broken: None };
        if body.incoming.is_end_stream() {
            give_back(&mut body.connection);
        }
        body
    }

    /// The empty body of an answer after which the connection speaks something else.
    pub(super) const fn without_connection(incoming: Incoming) -> Self {
        Self { incoming, connection: None, broken: None }
    }
}

impl Broken {
    fn poll(
        self,
        kept: &mut Option<Self>,
        cx: &Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(turns) = self.turns.checked_sub(1) else {
            return Poll::Ready(Some(Err(self.error)));
        };
        *kept = Some(Self { turns, ..self });
        cx.waker().wake_by_ref();
        Poll::Pending
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
        if let Some(broken) = this.broken.take() {
            return broken.poll(this.broken, cx);
        }
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
            // What came before goes out first: with the error a caller's connection is dropped, and with it what was
            // written and not yet sent, the head among it.
            Some(Err(error)) => {
                drop(this.connection.take());
                return Broken { error, turns: 2 }.poll(this.broken, cx);
            }
            Some(Ok(_)) if this.incoming.is_end_stream() => give_back(this.connection),
            None => give_back(this.connection),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.broken.is_none() && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
