//! How many connections each address holds.

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

use crate::{
    linger::read_on,
    tls::{self, Acceptor},
};

/// What Nomad tells a caller who has too many.
const REFUSAL: &str = "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: 81\r\n\
    Connection: close\r\n\r\n\
    Your IP is issuing too many concurrent connections, please rate limit your calls\n";

/// A caller who does not even take the refusal is not waited for; Nomad waits as long.
const REFUSAL_LIMIT: Duration = Duration::from_millis(10);

/// Over TLS hands are shaken first, which takes two journeys; Nomad's 10 ms are seldom enough for it.
const TLS_REFUSAL_LIMIT: Duration = Duration::from_secs(1);

/// So many refusals at once, and so many a second after them, as Nomad; the rest is closed without a word, because a
/// handshake for each would cost more than it tells.
const REFUSALS_AT_ONCE: f64 = 100.0;
const REFUSALS_A_SECOND: f64 = 10.0;

/// Who is there.
#[derive(Debug, Clone, Default)]
pub(super) struct Crowd {
    /// Any number if 0.
    most: usize,
    here: Arc<Mutex<HashMap<IpAddr, usize>>>,
    refusals: Arc<Mutex<Refusals>>,
}

/// How many refusals may be said now.
#[derive(Debug)]
struct Refusals {
    left: f64,
    since: Instant,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { left: REFUSALS_AT_ONCE, since: Instant::now() }
    }
}

impl Refusals {
    fn take_one(&mut self) -> bool {
        let now = Instant::now();
        let grown = self.left + (now - self.since).as_secs_f64() * REFUSALS_A_SECOND;
        let is_left = grown >= 1.0;
        self.since = now;
        self.left = grown.min(REFUSALS_AT_ONCE) - f64::from(u8::from(is_left));
        is_left
    }
}

/// A connection that counts until it is dropped.
#[derive(Debug)]
pub(super) struct Guest {
    crowd: Crowd,
    address: IpAddr,
}

impl Crowd {
    pub(super) fn of(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// None when the address holds as many as it may.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Guest> {
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        let count = here.entry(address).or_insert(0);
        if self.most > 0 && *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Guest { crowd: self.clone(), address })
    }

    /// Says why, and closes.
    pub(super) async fn refuse(&self, stream: TcpStream, tls: Option<Acceptor>) {
        if !self.refusals.lock().unwrap_or_else(PoisonError::into_inner).take_one() {
            return;
        }
        let limit = if tls.is_some() { TLS_REFUSAL_LIMIT } else { REFUSAL_LIMIT };
        match timeout(limit, told(stream, tls)).await {
            // Closed with its request unread it would never read the refusal.
            Ok(Ok(Listening::Plain(mut stream))) => read_on(&mut stream).await,
            Ok(Ok(Listening::Tls(mut stream))) => read_on(&mut stream).await,
            Ok(Ok(Listening::NotAtAll) | Err(_)) | Err(_) => {
                tracing::debug!("a caller with too many connections does not listen");
            }
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut here = self.crowd.here.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = here.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                here.remove(&self.address);
            }
        }
    }
}

/// Whoever was refused, and may still be sending.
enum Listening {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    NotAtAll,
}

async fn told(stream: TcpStream, tls: Option<Acceptor>) -> io::Result<Listening> {
    let Some(tls) = tls else { return tell(stream).await.map(Listening::Plain) };
    let stream = tls.shake_hands(stream).await?;
    // The text would be a broken frame of HTTP/2.
    if tls::is_http2(&stream) {
        return Ok(Listening::NotAtAll);
    }
    tell(stream).await.map(|stream| Listening::Tls(Box::new(stream)))
}

async fn tell<S: AsyncWrite + Unpin>(mut stream: S) -> io::Result<S> {
    stream.write_all(REFUSAL.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_so_many_and_no_more() {
        let crowd = Crowd::of(2);
        let (one, two): (IpAddr, IpAddr) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let first = crowd.admit(one).unwrap();
        let _second = crowd.admit(one).unwrap();
        assert!(crowd.admit(one).is_none() && crowd.admit(two).is_some());
        drop(first);
        assert!(crowd.admit(one).is_some());
        let crowd = Crowd::default();
        let guests: Vec<_> = (0..1000).filter_map(|_| crowd.admit(one)).collect();
        assert_eq!(guests.len(), 1000);
        drop(guests);
        assert!(crowd.here.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_refused_without_a_word() {
        let mut refusals = Refusals::default();
        let told = (0..150).filter(|_| refusals.take_one()).count();
        assert_eq!(told, 100);
        tokio::time::advance(Duration::from_secs(1)).await;
        let told = (0..150).filter(|_| refusals.take_one()).count();
        assert_eq!(told, 10);
        // No more is saved up than may be said at once.
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!((0..150).filter(|_| refusals.take_one()).count(), 100);
    }

    #[test]
    fn the_refusal_has_its_length() {
        let (head, body) = REFUSAL.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
