//! Listeners: accept connections, serve each in a task of its own, and let them finish when it is over.
//!
//! A connection that is upgraded (to a websocket) belongs to whoever asked for the upgrade from then on; for the listener
//! it has ended.

mod crowd;

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tower_service::Service;

use self::crowd::Crowd;
use crate::{StartError, Stop};

/// So many connections at once: ten thousand idle streams, and room for those who ask for something else. Beyond it
/// new ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 16_384;

/// A head must arrive within this time, so that a caller who sends one byte a minute cannot hold a connection; idle
/// connections between requests fall under it too, and official clients keep theirs for 90 s.
const HEAD_LIMIT: Duration = Duration::from_secs(120);

/// After a failed accept (out of file descriptors, say): trying again at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    crowd: Crowd,
}

impl Listener {
    /// Listens on an address; port 0 lets the system choose.
    ///
    /// # Errors
    /// [`StartError::Listen`].
    pub async fn bind(address: SocketAddr) -> Result<Self, StartError> {
        let failed = |source| StartError::Listen { address, source };
        let tcp = TcpListener::bind(address).await.map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        Ok(Self { tcp, address, crowd: Crowd::default() })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets one address hold only so many connections at once; any number if 0. More are told 429 and closed.
    #[must_use]
    pub fn per_client(mut self, connections: usize) -> Self {
        self.crowd = Crowd::of(connections);
        self
    }

    /// Serves until the end is announced; then answers that have begun get their grace, and what is still open
    /// after it is closed. Returns when no connection is left.
    pub async fn serve<S, R>(self, service: S, mut stop: Stop)
    where
        S: Service<Request<Incoming>, Response = Response<R>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send,
        R: http_body::Body<Data = Bytes> + Send + 'static,
        R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let accepted = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, self.tcp.accept().await)
            };
            tokio::select! {
                () = stop.announced() => break,
                (place, accepted) = accepted => match accepted {
                    Ok((stream, caller)) => {
                        let (service, stop) = (service.clone(), stop.clone());
                        let guest = self.crowd.admit(caller.ip());
                        connections.spawn(async move {
                            match guest {
                                Some(_guest) => connection(stream, service, stop).await,
                                None => crowd::refuse(stream).await,
                            }
                            drop(place);
                        });
                    }
                    Err(error) => wait_out(&error).await,
                },
                // Finished tasks are collected as they finish, or the set would grow for ever.
                Some(_) = connections.join_next() => {}
            }
        }
        drop(self.tcp);
        while connections.join_next().await.is_some() {}
    }
}

async fn wait_out(error: &io::Error) {
    tracing::warn!(error = %error, "cannot accept a connection");
    sleep(ACCEPT_PAUSE).await;
}

async fn connection<S, R>(stream: TcpStream, service: S, mut stop: Stop)
where
    S: Service<Request<Incoming>, Response = Response<R>, Error = Infallible> + Clone,
    S::Future: Send,
    R: http_body::Body<Data = Bytes> + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // A frame is worth more early than bundled with the next one. A socket that cannot do it still serves.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request| service.clone().call(request));
    let mut http = http1::Builder::new();
    http.writev(true)
        .title_case_headers(true)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT);
    let mut serving = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let ended = tokio::select! {
        ended = serving.as_mut() => Some(ended),
        () = stop.announced() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            serving.as_mut().graceful_shutdown();
            timeout(stop.grace(), serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        // Callers go away in the middle of things every day.
        tracing::debug!(error = %error, "connection ended");
    }
}
