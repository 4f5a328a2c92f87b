//! The body of a forwarded response.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project::pin_project;
use thiserror::Error;

use crate::{
    connect::{Connection, PAUSE_LIMIT},
    layers::upstream_body::UpstreamBody,
};

/// Why a response broke off.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The agent's connection broke, or what it sent is no body.
    #[error("the agent's response broke off")]
    Broken(#[source] hyper::Error),
    /// Its client took nothing of it, and other requests needed its connection to the agent.
    #[error("the client took nothing of the response for {0:?}, and its connection was needed")]
    Untaken(Duration),
}

/// The bytes of an answer, as they come. Read to its end it gives its connection back; dropped before, it closes it. While
/// nobody reads it the connection can be taken away: see [`BodyError::Untaken`].
///
/// An answer that breaks is an error at once. Who serves it on with hyper loses then what the caller's connection has
/// not yet written, unless the error is kept back until it has.
#[pin_project]
#[derive(Debug)]
pub struct ForwardBody<B> {
    #[pin]
    incoming: Incoming,
    connection: Option<Connection<UpstreamBody<B>>>,
}

impl<B> ForwardBody<B> {
    pub(crate) fn new(incoming: Incoming, connection: Connection<UpstreamBody<B>>) -> Self {
        let mut body = Self { incoming, connection: Some(connection) };
        if body.incoming.is_end_stream() {
            release(&mut body.connection);
        } else {
            pause(&mut body.connection);
        }
        body
    }

    /// The empty body of an answer after which the connection speaks something else.
    pub(super) const fn without_connection(incoming: Incoming) -> Self {
        Self { incoming, connection: None }
    }
}

fn release<B>(connection: &mut Option<Connection<UpstreamBody<B>>>) {
    if let Some(connection) = connection.take() {
        connection.release();
    }
}

fn pause<B>(connection: &mut Option<Connection<UpstreamBody<B>>>) {
    if let Some(connection) = connection {
        connection.pause();
    }
}

impl<B> Body for ForwardBody<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut this = self.project();
        let write_resumed = this.connection.as_mut().map(Connection::resume);
        if let Some(Err(_)) = write_resumed {
            drop(this.connection.take());
            return Poll::Ready(Some(Err(BodyError::Untaken(PAUSE_LIMIT))));
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
            Some(Err(_)) => drop(this.connection.take()),
            Some(Ok(_)) if this.incoming.is_end_stream() => release(this.connection),
            None => release(this.connection),
            Some(Ok(_)) => pause(this.connection),
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
