//! Lingering close: reads on for a bounded time after an early response, so that the client sees it.
//!
//! A socket that is closed with bytes unread is reset, and a reset takes with it what its caller has not read yet: the answer
//! that says why nothing more is wanted. So whoever still sends is read from for a while, as Go's and nginx's servers
//! do, and what comes is thrown away.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Instant, Sleep, sleep, sleep_until},
};

/// So much is read at most: sixteen times the largest body that Nomad takes of most calls. It costs a copy and no memory.
const MAX_BYTES: usize = 16 << 20;

/// A caller who is silent for so long has stopped sending, and has had time to read; Go waits as long.
const IDLE_TIMEOUT: Duration = Duration::from_millis(500);

/// However slowly it comes, no longer than this: a connection is held for it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What is read at once.
const READ_SIZE: usize = 8 << 10;

/// Reads on, with a look at the clock.
#[derive(Debug)]
pub(crate) struct Linger {
    deadline: Instant,
    idle: Pin<Box<Sleep>>,
    bytes_read: usize,
}

impl Linger {
    pub(crate) fn new() -> Self {
        Self {
            deadline: Instant::now() + TIMEOUT,
            idle: Box::pin(sleep(IDLE_TIMEOUT)),
            bytes_read: 0,
        }
    }

    /// Ready when the caller has ended, or was read from for long enough.
    pub(crate) fn poll<T: AsyncRead>(
        &mut self,
        mut from: Pin<&mut T>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mut piece = [0; READ_SIZE];
        // A pause after so many pieces: others on this thread want their turn.
        for _ in 0..8 {
            let mut buffer = ReadBuf::new(&mut piece);
            match from.as_mut().poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.bytes_read += buffer.filled().len();
                    let now = Instant::now();
                    if self.bytes_read >= MAX_BYTES || now >= self.deadline {
                        return Poll::Ready(());
                    }
                    self.idle.as_mut().reset(self.deadline.min(now + IDLE_TIMEOUT));
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    ready!(self.idle.as_mut().poll(cx));
                    return Poll::Ready(());
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The same for a socket that is not served: its writing side is shut.
pub(crate) async fn read_on(from: &mut (impl AsyncRead + Unpin)) {
    let mut linger = Linger::new();
    poll_fn(|cx| linger.poll(Pin::new(from), cx)).await;
}

/// The same for a stream of HTTP/2, which is reset (`NO_ERROR`) if it has not ended by then.
pub(crate) async fn linger_on_body(mut body: Incoming) {
    let over = Instant::now() + TIMEOUT;
    let mut read = 0;
    while read < MAX_BYTES {
        let silent = sleep_until(over.min(Instant::now() + IDLE_TIMEOUT));
        tokio::select! {
            frame = body.frame() => match frame {
                Some(Ok(frame)) => read += frame.data_ref().map_or(0, bytes::Bytes::len),
                Some(Err(_)) | None => return,
            },
            () = silent => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lingering_ends_with_the_client_with_its_silence_and_with_too_much() {
        let (caller, mut here) = duplex(64 << 10);
        drop(caller);
        let since = Instant::now();
        read_on(&mut here).await;
        assert_eq!(since.elapsed(), Duration::ZERO);

        let (_silent, mut here) = duplex(64);
        read_on(&mut here).await;
        assert_eq!(since.elapsed(), IDLE_TIMEOUT);

        let (mut slow, mut here) = duplex(64);
        tokio::spawn(async move {
            while slow.write_all(b"x").await.is_ok() {
                sleep(IDLE_TIMEOUT / 2).await;
            }
        });
        let since = Instant::now();
        read_on(&mut here).await;
        assert_eq!(since.elapsed(), TIMEOUT);

        let (mut endless, mut here) = duplex(1 << 20);
        let sent = tokio::spawn(async move {
            let mut sent = 0;
            while endless.write_all(&[0; 1 << 16]).await.is_ok() {
                sent += 1 << 16;
            }
            sent
        });
        read_on(&mut here).await;
        drop(here);
        assert!((MAX_BYTES..=MAX_BYTES + (2 << 20)).contains(&sent.await.unwrap()));
    }
}
