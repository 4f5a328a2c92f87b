//! Clients that shut down their sending side.
//!
//! That is what it looks like when somebody has left, and when somebody has shut the sending side after the request, as
//! `nc -N` does. Nomad's handlers hear of it and mostly answer all the same. Here the answer is waited for, too, but not
//! where somebody who has left would be waited for long:
//!
//! ```text
//!  a blocking query, a stream   the caller has left, at once; Nomad's streams end so, too
//!  no head of the answer yet    ten seconds
//!  the answer has begun         as long as bytes of it go out, and a second more
//! ```
//!
//! Whoever has left resets the connection with the first byte that is sent.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::exchange::Exchange;

/// So long the head of an answer is waited for. Calls take milliseconds; one that takes minutes is not held for somebody who
/// may be gone.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// So long nothing more may come of an answer that has begun.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);

/// The end of what a caller sends, kept from the connection for a while.
#[derive(Debug)]
pub(super) struct HalfClosed {
    /// WaitStart when what is waited for now is waited for.
    since: Instant,
    has_head: bool,
    deadline: Pin<Box<Sleep>>,
}

impl HalfClosed {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { since: now, has_head: false, deadline: Box::pin(sleep_until(now + HEAD_TIMEOUT)) }
    }

    /// Complete of an answer went out.
    pub(super) fn record_progress(&mut self) {
        self.since = Instant::now();
    }

    /// Ready when the connection should hear of it.
    pub(super) fn poll(&mut self, exchange: &Exchange, cx: &mut Context<'_>) -> Poll<()> {
        exchange.register_waker(cx.waker());
        if !exchange.is_response_wanted() || exchange.is_body_incomplete() {
            return Poll::Ready(());
        }
        let now = Instant::now();
        if self.has_head != exchange.has_head() {
            (self.has_head, self.since) = (!self.has_head, now);
        }
        let due = self.since + if self.has_head { IDLE_TIMEOUT } else { HEAD_TIMEOUT };
        if self.deadline.deadline() != due {
            self.deadline.as_mut().reset(due);
        }
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::pending, io};

    use bytes::Bytes;
    use futures_util::{StreamExt as _, stream};
    use http::{Request, Response, StatusCode};
    use http_body::Frame;
    use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        sync::mpsc,
    };

    use super::*;
    use crate::{
        ShutdownController,
        server::listener::{
            IncomingBody,
            head_rewriter::LargeHeads,
            http1,
            proxy_protocol::{self, Origin},
        },
    };

    type ResponseBody = UnsyncBoxBody<Bytes, io::Error>;

    /// What is served: reads the body, waits, and answers with the body's length or a stream that is silent.
    #[derive(Clone)]
    struct StubService {
        after: Option<Duration>,
        is_stream: bool,
        /// Dropped with the connection and its last request.
        _over: mpsc::Sender<()>,
    }

    impl tower_service::Service<Request<IncomingBody>> for StubService {
        type Response = Response<ResponseBody>;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<IncomingBody>) -> Self::Future {
            let served = self.clone();
            Box::pin(async move {
                // In another task, as whoever sends it on does: it hears of the end later than the connection.
                let read = tokio::spawn(request.into_body().collect()).await;
                let Ok(body) = read.unwrap() else {
                    let mut broken = Response::new(full("broken"));
                    *broken.status_mut() = StatusCode::BAD_REQUEST;
                    return Ok(broken);
                };
                match served.after {
                    Some(after) => tokio::time::sleep(after).await,
                    None => pending().await,
                }
                let said = full(&format!("read {}", body.to_bytes().len()));
                Ok(Response::new(if served.is_stream { silent_stream() } else { said }))
            })
        }
    }

    fn full(text: &str) -> ResponseBody {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
    }

    /// One piece, and then nothing.
    fn silent_stream() -> ResponseBody {
        let piece = stream::iter([Ok(Frame::data(Bytes::from_static(b"piece")))]);
        StreamBody::new(piece.chain(stream::pending())).boxed_unsync()
    }

    /// All that comes back to a caller who sends this and nothing more, and how long the request lived.
    async fn half_closed(request: &str, after: Option<Duration>) -> (String, Duration) {
        half_close(request, after, false).await
    }

    async fn half_close(
        request: &str,
        after: Option<Duration>,
        is_stream: bool,
    ) -> (String, Duration) {
        let (mut caller, here) = duplex(64 << 10);
        let (over, mut is_over) = mpsc::channel(1);
        let served = StubService { after, is_stream, _over: over };
        let stopper = ShutdownController::new(Duration::ZERO);
        let peer = ([127, 0, 0, 1], 1).into();
        let origin =
            Origin::new(peer, proxy_protocol::Source::Proxy, nomad_forward::Transport::Plain);
        let source = http1::Source { origin, heads: LargeHeads::default() };
        tokio::spawn(http1::serve(here, source, served, stopper.subscribe()));
        let since = Instant::now();
        caller.write_all(request.as_bytes()).await.unwrap();
        caller.shutdown().await.unwrap();
        assert_eq!(is_over.recv().await, None);
        let lived = since.elapsed();
        let mut answer = String::new();
        // A connection that broke off may end in an error.
        drop(caller.read_to_string(&mut answer).await);
        (answer, lived)
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_nothing_more_gets_its_response() {
        let soon = Some(HEAD_TIMEOUT / 2);
        let (answer, _) = half_closed("GET /v1/jobs HTTP/1.1\r\nhost: x\r\n\r\n", soon).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("read 0"), "{answer}");
        let post = "POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc";
        let (answer, _) = half_closed(post, soon).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("read 3"), "{answer}");
        let chunked = "POST /v1/jobs HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
            3\r\nabc\r\n0\r\n\r\n";
        let (answer, _) = half_closed(chunked, soon).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("read 3"), "{answer}");
        let two = "GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n";
        let (answer, _) = half_closed(two, soon).await;
        assert_eq!(answer.matches("read 0").count(), 2, "{answer}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_left_is_not_waited_for_long() {
        let (_, lived) =
            half_closed("GET /v1/jobs?index=7 HTTP/1.1\r\nhost: x\r\n\r\n", None).await;
        assert_eq!(lived, Duration::ZERO, "a blocking query");
        let streams = [
            "agent/monitor",
            "agent/monito%72",
            "event/stream",
            "client/fs/logs/x?follow=true&task=t&type=stdout",
            "client/fs/stream/x?path=a",
        ];
        for path in streams {
            let get = format!("GET /v1/{path} HTTP/1.1\r\nhost: x\r\n\r\n");
            assert_eq!(half_closed(&get, None).await.1, Duration::ZERO, "{path}");
        }
        let (_, lived) = half_closed("GET /v1/jobs HTTP/1.1\r\nhost: x\r\n\r\n", None).await;
        assert_eq!(lived, HEAD_TIMEOUT);
        let get = "GET /v1/client/fs/cat/x HTTP/1.1\r\nhost: x\r\n\r\n";
        let (answer, lived) = half_close(get, Some(Duration::from_millis(100)), true).await;
        assert!(answer.contains("piece"), "{answer}");
        assert_eq!(lived, Duration::from_millis(100) + IDLE_TIMEOUT, "an answer that stands still");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_ends_too_early_is_broken_at_once() {
        let short = "POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc";
        let (answer, lived) = half_closed(short, None).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert_eq!(lived, Duration::ZERO);
        let short = "POST /v1/jobs HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
            3\r\nabc\r\n0\r\n";
        let (answer, lived) = half_closed(short, None).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert_eq!(lived, Duration::ZERO);
    }
}
