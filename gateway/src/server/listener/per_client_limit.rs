//! Bounds the connections of one client address.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::server::TlsStream;

use crate::server::{
    linger::read_on,
    tls::{self, Acceptor},
};

/// What Nomad tells a caller who has too many.
const REFUSAL_RESPONSE: &str = "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: 81\r\n\
    Connection: close\r\n\r\n\
    Your IP is issuing too many concurrent connections, please rate limit your calls\n";

/// A caller who does not even take the refusal is not waited for; Nomad waits as long.
const REFUSAL_TIMEOUT: Duration = Duration::from_millis(10);

/// Over TLS hands are shaken first, which takes two journeys; Nomad's 10 ms are seldom enough for it.
const TLS_REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// So many refusals at once, and so many a second after them, as Nomad; the rest is closed without a word, because a
/// handshake for each would cost more than it tells.
const MAX_REFUSAL_BURST: f64 = 100.0;
const REFUSALS_PER_SECOND: f64 = 10.0;

/// Who is there.
#[derive(Debug, Clone, Default)]
pub(super) struct PerClientLimit {
    /// Any number if 0.
    capacity: usize,
    connections: Arc<Mutex<HashMap<IpAddr, usize>>>,
    refusal_bucket: Arc<Mutex<RefusalBucket>>,
}

/// How many refusals may be said now.
#[derive(Debug)]
struct RefusalBucket {
    tokens: f64,
    refilled_at: Instant,
}

impl Default for RefusalBucket {
    fn default() -> Self {
        Self { tokens: MAX_REFUSAL_BURST, refilled_at: Instant::now() }
    }
}

impl RefusalBucket {
    fn try_take(&mut self) -> bool {
        let now = Instant::now();
        let grown = self.tokens + (now - self.refilled_at).as_secs_f64() * REFUSALS_PER_SECOND;
        let is_left = grown >= 1.0;
        self.refilled_at = now;
        self.tokens = grown.min(MAX_REFUSAL_BURST) - f64::from(u8::from(is_left));
        is_left
    }
}

/// A connection that counts until it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    limit: PerClientLimit,
    address: IpAddr,
}

impl PerClientLimit {
    pub(super) fn new(most: usize) -> Self {
        Self { capacity: most, ..Self::default() }
    }

    /// None when the address holds as many as it may.
    pub(super) fn try_acquire(&self, address: IpAddr) -> Option<Permit> {
        let mut here = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let count = here.entry(address).or_insert(0);
        if self.capacity > 0 && *count >= self.capacity {
            return None;
        }
        *count += 1;
        Some(Permit { limit: self.clone(), address })
    }

    /// Says why, and closes.
    pub(super) async fn refuse(&self, stream: TcpStream, tls: Option<Acceptor>) {
        if !self.refusal_bucket.lock().unwrap_or_else(PoisonError::into_inner).try_take() {
            return;
        }
        let limit = if tls.is_some() { TLS_REFUSAL_TIMEOUT } else { REFUSAL_TIMEOUT };
        match timeout(limit, send_refusal(stream, tls)).await {
            // Closed with its request unread it would never read the refusal.
            Ok(Ok(RefusedConnection::Plain(mut stream))) => read_on(&mut stream).await,
            Ok(Ok(RefusedConnection::Tls(mut stream))) => read_on(&mut stream).await,
            Ok(Ok(RefusedConnection::Closed) | Err(_)) | Err(_) => {
                tracing::debug!("a caller with too many connections does not listen");
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut here = self.limit.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = here.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                here.remove(&self.address);
            }
        }
    }
}

/// Whoever was refused, and may still be sending.
enum RefusedConnection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Closed,
}

async fn send_refusal(stream: TcpStream, tls: Option<Acceptor>) -> io::Result<RefusedConnection> {
    let Some(tls) = tls else { return write_refusal(stream).await.map(RefusedConnection::Plain) };
    let stream = tls.handshake(stream).await?;
    // The text would be a broken frame of HTTP/2.
    if tls::is_http2(&stream) {
        return Ok(RefusedConnection::Closed);
    }
    write_refusal(stream).await.map(|stream| RefusedConnection::Tls(Box::new(stream)))
}

async fn write_refusal<S: AsyncWrite + Unpin>(mut stream: S) -> io::Result<S> {
    stream.write_all(REFUSAL_RESPONSE.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_holds_so_many_and_no_more() {
        let crowd = PerClientLimit::new(2);
        let (one, two): (IpAddr, IpAddr) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let first = crowd.try_acquire(one).unwrap();
        let _second = crowd.try_acquire(one).unwrap();
        assert!(crowd.try_acquire(one).is_none() && crowd.try_acquire(two).is_some());
        drop(first);
        assert!(crowd.try_acquire(one).is_some());
        let crowd = PerClientLimit::default();
        let guests: Vec<_> = (0..1000).filter_map(|_| crowd.try_acquire(one)).collect();
        assert_eq!(guests.len(), 1000);
        drop(guests);
        assert!(crowd.connections.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_refused_without_a_word() {
        let mut refusals = RefusalBucket::default();
        let told = (0..150).filter(|_| refusals.try_take()).count();
        assert_eq!(told, 100);
        tokio::time::advance(Duration::from_secs(1)).await;
        let told = (0..150).filter(|_| refusals.try_take()).count();
        assert_eq!(told, 10);
        // No more is saved up than may be said at once.
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!((0..150).filter(|_| refusals.try_take()).count(), 100);
    }

    #[test]
    fn the_refusal_has_its_length() {
        let (head, body) = REFUSAL_RESPONSE.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
