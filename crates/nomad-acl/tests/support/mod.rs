//! A clock that a test moves, servers that are a table, and a future polled by hand.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use nomad_acl::tokens::Clock;
use tower_service::Service;

/// A clock that a test moves.
#[derive(Debug)]
pub(crate) struct FakeClock {
    start: Timestamp,
    elapsed: Mutex<Duration>,
}

impl FakeClock {
    pub(crate) fn new(start: &str) -> Self {
        Self { start: start.parse().unwrap(), elapsed: Mutex::default() }
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.elapsed.lock().unwrap() += by;
    }
}

impl Clock for FakeClock {
    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap()
    }

    fn now(&self) -> Timestamp {
        self.start + self.elapsed()
    }
}

/// Servers that answer from a table of paths.
#[derive(Debug, Clone, Default)]
pub(crate) struct Servers {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    responses: HashMap<String, (u16, String)>,
    /// What the leader says where it differs.
    leader_responses: HashMap<String, (u16, String)>,
    /// The paths that the leader was asked for.
    leader_requests: Vec<String>,
    tokens: Vec<Option<String>>,
    is_disconnected: bool,
    is_paused: bool,
    is_leader_paused: bool,
}

impl Servers {
    pub(crate) fn with_response(self, path: &str, status: u16, body: &str) -> Self {
        self.set_response(path, status, body);
        self
    }

    pub(crate) fn set_response(&self, path: &str, status: u16, body: &str) {
        self.inner.lock().unwrap().responses.insert(path.to_owned(), (status, body.to_owned()));
    }

    /// What the leader knows, and the others do not know yet.
    pub(crate) fn set_leader_response(&self, path: &str, status: u16, body: &str) {
        self.inner
            .lock()
            .unwrap()
            .leader_responses
            .insert(path.to_owned(), (status, body.to_owned()));
    }

    /// The paths that the leader was asked for.
    pub(crate) fn leader_requests(&self) -> Vec<String> {
        self.inner.lock().unwrap().leader_requests.clone()
    }

    /// From now on nobody can be reached.
    pub(crate) fn disconnect(&self) {
        self.inner.lock().unwrap().is_disconnected = true;
    }

    /// From now on answers do not come.
    pub(crate) fn pause(&self) {
        self.inner.lock().unwrap().is_paused = true;
    }

    /// From now on the leader's answers do not come.
    pub(crate) fn pause_leader(&self) {
        self.inner.lock().unwrap().is_leader_paused = true;
    }

    pub(crate) fn unpause(&self) {
        self.inner.lock().unwrap().is_paused = false;
    }

    /// How many calls were made.
    pub(crate) fn calls(&self) -> usize {
        self.inner.lock().unwrap().tokens.len()
    }

    /// The token of every call.
    pub(crate) fn tokens(&self) -> Vec<Option<String>> {
        self.inner.lock().unwrap().tokens.clone()
    }
}

impl Service<Request<Bytes>> for Servers {
    type Response = Response<Bytes>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Bytes>, std::io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), std::io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let is_stale = match request.uri().query() {
            Some("stale") => true,
            None => false,
            other => panic!("{other:?}"),
        };
        let inner = self.inner.clone();
        let token = request.headers().get("x-nomad-token");
        let token = token.map(|token| token.to_str().unwrap().to_owned());
        inner.lock().unwrap().tokens.push(token);
        let path = request.uri().path().to_owned();
        if !is_stale {
            inner.lock().unwrap().leader_requests.push(path.clone());
        }
        Box::pin(async move {
            poll_fn(|cx| {
                let held = {
                    let inner = inner.lock().unwrap();
                    inner.is_paused || (inner.is_leader_paused && !is_stale)
                };
                if held {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
            let inner = inner.lock().unwrap();
            if inner.is_disconnected {
                return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
            }
            let led = inner.leader_responses.get(&path).filter(|_| !is_stale);
            let (status, body) =
                led.or_else(|| inner.responses.get(&path)).unwrap_or_else(|| panic!("{path}"));
            Ok(Response::builder().status(*status).body(Bytes::from(body.clone())).unwrap())
        })
    }
}

/// Polls once.
pub(crate) fn poll<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// The answer of a future that waits for nothing outside.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    for _ in 0..1_000 {
        if let Some(output) = poll(future.as_mut()) {
            return output;
        }
    }
    panic!("the future waits for something")
}
