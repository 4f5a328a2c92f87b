//! Listeners: accept connections, serve each in its own task, and drain them on shutdown.
//!
//! A connection that is upgraded (to a websocket) belongs to whoever asked for the upgrade from then on; for the listener
//! it has ended.
//!
//! HTTP/1.1 is spoken, and HTTP/2 where a caller over TLS offers it (ALPN). Without TLS there is nothing to settle it by, and
//! looking for it would cost every connection, so that clear text is HTTP/1.1.

mod call_when_ready;
mod connection;
mod exchange;
mod flush_before_error;
mod half_closed;
mod head_rewriter;
mod host;
mod http1;
mod http2;
mod incoming_body;
mod per_client_limit;
mod proxy_protocol;
mod socket;

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use nomad_forward::Transport;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep},
};
use tower_service::Service;

pub use self::incoming_body::IncomingBody;
use self::{
    connection::ConnectionSettings, head_rewriter::LargeHeads, per_client_limit::PerClientLimit,
    proxy_protocol::Headers,
};
use crate::{
    Shutdown, StartError,
    proxy::client_address::TrustedProxies,
    server::{
        tls::{Acceptor, Handshakes},
        workers::{WorkerSlot, Workers},
    },
};

/// So many connections at once: ten thousand idle streams, and room for those who ask for something else. Beyond it
/// new ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 16_384;

/// So many connections wait in the kernel's queue to be accepted: a fleet's programs come back all at once after a restart,
/// and whoever finds no room tries again after a second only. It is what Go's servers have on Linux.
const ACCEPT_BACKLOG: u32 = 4096;

/// A head must arrive within this time, so that a caller who sends one byte a minute cannot hold a connection; idle
/// connections between requests fall under it too, and official clients keep theirs for 90 s.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);

/// After a failed accept (out of file descriptors, say): trying again at once would only burn the processor.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// So often the log says that connections cannot be accepted.
const FAILURE_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    per_client_limit: PerClientLimit,
    heads: LargeHeads,
    tls: Option<Acceptor>,
    trusted: TrustedProxies,
    has_headers: bool,
    header_limit: Option<Duration>,
    workers: Arc<Workers>,
}

impl Listener {
    /// Listens on an address; port 0 lets the system choose.
    ///
    /// # Errors
    /// [`StartError::Listen`].
    pub async fn bind(address: SocketAddr) -> Result<Self, StartError> {
        let failed = |source| StartError::Listen { address, source };
        let tcp = bind_socket(address).map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        Ok(Self {
            tcp,
            address,
            per_client_limit: PerClientLimit::default(),
            heads: LargeHeads::default(),
            tls: None,
            trusted: TrustedProxies::default(),
            has_headers: false,
            header_limit: Some(proxy_protocol::LIMIT),
            workers: Arc::default(),
        })
    }

    /// Speaks TLS with callers.
    #[must_use]
    pub fn tls(mut self, acceptor: Acceptor) -> Self {
        self.tls = Some(acceptor);
        self
    }

    /// Does not count connections of these proxies: they have many clients each.
    #[must_use]
    pub fn trusted_proxies(mut self, trusted: TrustedProxies) -> Self {
        self.trusted = trusted;
        self
    }

    /// Takes connections with a PROXY header alone, and from trusted proxies alone. With TLS the header and the handshake have
    /// one limit together, that of the [`Acceptor`].
    #[must_use]
    pub const fn proxy_protocol(mut self) -> Self {
        self.has_headers = true;
        self
    }

    /// How long a PROXY header may take without TLS; for ever if none.
    #[must_use]
    pub const fn header_limit(mut self, limit: Option<Duration>) -> Self {
        self.header_limit = limit;
        self
    }

    /// Serves connections on these threads; without it on the one that calls [`serve`](Self::serve).
    #[must_use]
    pub fn workers(mut self, workers: Arc<Workers>) -> Self {
        self.workers = workers;
        self
    }

    /// What callers speak to it.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        if self.tls.is_some() { Transport::Tls } else { Transport::Plain }
    }

    /// The TLS handshakes that are under way, where callers speak TLS.
    #[must_use]
    pub fn handshakes(&self) -> Option<&Handshakes> {
        self.tls.as_ref().map(Acceptor::handshakes)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets one address hold only so many connections at once; any number if 0. More are told 429 and closed.
    #[must_use]
    pub fn per_client_limit(mut self, connections: usize) -> Self {
        self.per_client_limit = PerClientLimit::new(connections);
        self
    }

    /// What its connections have in common, and the socket that they come from.
    fn split(self) -> (TcpListener, Arc<Workers>, ConnectionSettings) {
        let Self {
            tcp,
            per_client_limit,
            heads,
            tls,
            trusted,
            has_headers,
            header_limit,
            workers,
            ..
        } = self;
        let headers = has_headers.then(|| {
            let (handshakes, limit) = match &tls {
                Some(tls) => (tls.handshakes().clone(), tls.limit()),
                None => (Handshakes::default(), header_limit),
            };
            Headers { trusted: trusted.clone(), handshakes, limit }
        });
        (tcp, workers, ConnectionSettings { per_client_limit, heads, tls, trusted, headers })
    }

    /// Serves until the end is announced; then answers that have begun get their grace, and what is still open
    /// after it is closed. Returns when no connection is left.
    pub async fn serve<S, R>(self, service: S, mut stop: Shutdown)
    where
        S: Service<Request<IncomingBody>, Response = Response<R>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
        R: http_body::Body<Data = Bytes> + Send + 'static,
        R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (tcp, workers, front) = self.split();
        let front = Arc::new(front);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        let mut failures = AcceptFailures::default();
        loop {
            let accepted = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, tcp.accept().await)
            };
            tokio::select! {
                () = stop.drain_started() => break,
                (place, accepted) = accepted => match accepted {
                    Ok((stream, peer)) => {
                        let (service, stop) = (service.clone(), stop.clone());
                        let front = Arc::clone(&front);
                        let admission = front.admit_peer(peer);
                        let share = workers.least_loaded();
                        let handle = share.handle().cloned();
                        let Ok(arrived) = Accepted::for_worker(stream, &share) else { continue };
                        let served = async move {
                            let Ok(stream) = arrived.register() else { return };
                            front.serve(stream, (peer, admission), service, stop).await;
                            drop((place, share));
                        };
                        match handle {
                            Some(worker) => connections.spawn_on(served, &worker),
                            None => connections.spawn(served),
                        };
                    }
                    Err(error) => {
                        failures.record(&error);
                        sleep(ACCEPT_RETRY_DELAY).await;
                    }
                },
                // Finished tasks are collected as they finish, or the set would grow for ever.
                Some(_) = connections.join_next() => {}
            }
        }
        drop(tcp);
        while connections.join_next().await.is_some() {}
    }
}

fn bind_socket(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Old connections of a gateway that has ended linger in the kernel; a new one need not wait for them.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_BACKLOG)
}

/// A socket on its way to the runtime that watches it.
enum Accepted {
    Registered(TcpStream),
    Unregistered(std::net::TcpStream),
}

impl Accepted {
    fn for_worker(stream: TcpStream, share: &WorkerSlot) -> io::Result<Self> {
        match share.handle() {
            Some(_) => stream.into_std().map(Self::Unregistered),
            None => Ok(Self::Registered(stream)),
        }
    }

    /// To be called on the worker's own thread.
    fn register(self) -> io::Result<TcpStream> {
        match self {
            Self::Registered(stream) => Ok(stream),
            Self::Unregistered(stream) => TcpStream::from_std(stream),
        }
    }
}

/// Connections that could not be accepted: one line a minute, however many they are.
#[derive(Debug, Default)]
struct AcceptFailures {
    logged_at: Option<Instant>,
    count: u64,
}

impl AcceptFailures {
    fn record(&mut self, error: &io::Error) {
        self.count += 1;
        if self.logged_at.is_none_or(|told| told.elapsed() >= FAILURE_LOG_INTERVAL) {
            tracing::warn!(error = %error, times = self.count, "cannot accept connections");
            *self = Self { logged_at: Some(Instant::now()), count: 0 };
        }
    }
}

fn log_connection_end(result: hyper::Result<()>) {
    if let Err(error) = result {
        // Callers go away in the middle of things every day.
        tracing::debug!(error = %error, "connection ended");
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn many_may_come_at_once() {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        // Nobody accepts: who finds room in the queue is connected at once, everybody else never.
        let mut connected = Vec::new();
        for number in 0..400 {
            let connecting = TcpStream::connect(listener.address());
            let stream = timeout(Duration::from_secs(30), connecting).await;
            connected.push(stream.unwrap_or_else(|_| panic!("the queue is full after {number}")));
        }
        assert!(connected.iter().all(Result::is_ok));
    }
}
