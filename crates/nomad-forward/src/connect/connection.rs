//! A connection to an agent, in use or idle.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
    thread::{self, ThreadId},
    time::Duration,
};

use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1::SendRequest},
};
use tokio::time::Instant;

use super::{
    driver::Driver,
    host_pool::HostPool,
    paused::{PauseSlot, Revoked},
    permit::Permit,
    tracked_body::TrackedBody,
};
use crate::Agent;

/// After so long an idle connection is not trusted any more; agents themselves never close one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// A connection to an agent, free for one request. Dropping it closes it at once.
#[derive(Debug)]
pub struct Connection<B> {
    /// Only taken when the connection goes elsewhere.
    inner: Option<PooledConnection<B>>,
    host_pool: Arc<HostPool<B>>,
    /// Who answers on it.
    agent: Arc<Agent>,
    is_reused: bool,
    /// The agent is done with it when its response has been read to its end.
    is_reusable: bool,
    /// Held while a request uses it. A waiting connection holds none: whoever gets its place takes it along.
    permit: Option<Permit>,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct PooledConnection<B> {
    /// Whom it was opened for.
    agent: Arc<Agent>,
    sender: SendRequest<TrackedBody<B>>,
    /// [`Driver::Done`] while its response waits for its client.
    driver: Driver,
    slot: Arc<PauseSlot>,
    idle_since: Instant,
    /// The thread whose runtime watches the socket.
    thread: ThreadId,
}

/// Why no response came over a connection.
#[derive(Debug)]
pub(crate) enum SendError<B> {
    /// The connection was closed before anything of the request was written.
    Unsent(Box<Request<B>>, hyper::Error),
    /// The connection broke, or the caller's body did.
    Lost(hyper::Error),
}

impl<B> PooledConnection<B> {
    pub(super) fn new(
        agent: Arc<Agent>,
        sender: SendRequest<TrackedBody<B>>,
        driver: Driver,
        slot: Arc<PauseSlot>,
    ) -> Self {
        let (idle_since, home) = (Instant::now(), thread::current().id());
        Self { agent, sender, driver, slot, idle_since, thread: home }
    }

    /// It waited not for too long, and is not known to be closed.
    pub(super) fn is_fresh(&self) -> bool {
        !self.sender.is_closed()
            && !self.driver.is_finished()
            && self.idle_since.elapsed() < IDLE_TIMEOUT
    }

    /// The same after a look at its socket: nobody else looks at one that waits, and the agent may have closed it.
    pub(super) fn is_alive(&mut self) -> bool {
        self.driver.drive(&mut Context::from_waker(Waker::noop()));
        self.is_fresh()
    }

    pub(super) fn is_on_thread(&self, thread: ThreadId) -> bool {
        self.thread == thread
    }

    /// It leads to this agent, and nothing of an earlier request or response is on its way.
    pub(super) fn can_serve(&self, agent: &Agent) -> bool {
        self.sender.is_ready() && self.agent.is_same_connection_target(agent)
    }

    /// It can wait for its next request. A task may still have to see that everything is over; until it has, nobody gets
    /// the connection.
    fn can_idle(&mut self) -> bool {
        if self.driver.is_task() {
            return !self.sender.is_closed() && !self.driver.is_finished();
        }
        if !self.sender.is_ready() {
            self.driver.drive(&mut Context::from_waker(Waker::noop()));
        }
        self.sender.is_ready() && !self.sender.is_closed() && !self.driver.is_finished()
    }
}

impl<B> Connection<B>
where
    B: Body + Send + 'static,
{
    /// Sends a request, and waits for the head of its response.
    pub(crate) async fn send(
        &mut self,
        request: Request<B>,
    ) -> Result<Response<Incoming>, SendError<B>> {
        self.is_reusable = false;
        let is_head = request.method() == Method::HEAD;
        let (request, whole) = TrackedBody::track(request);
        let PooledConnection { sender, driver, .. } = self.wire();
        if whole.is_some() {
            driver.spawn();
        }
        // When it turns out closed, the request comes back below.
        let ready = poll_fn(|cx| {
            driver.drive(cx);
            sender.poll_ready(cx)
        });
        drop(ready.await);
        let mut answer = pin!(sender.try_send_request(request));
        let answer = poll_fn(|cx| {
            driver.drive(cx);
            answer.as_mut().poll(cx)
        });
        let response = answer.await.map_err(SendError::from_hyper)?;
        self.is_reusable = !is_head
            && has_provable_end(response.status())
            // Who refuses a body may not have read it, and close because of that, however much of it was sent.
            && whole.is_none_or(|whole| whole.is_reached() && !is_error(response.status()));
        Ok(response)
    }
}

/// Whether the end of a response can be seen. One that has no body by definition is over with its head, while the agent's
/// handler may go on writing into nothing: Go's does so after a HEAD.
fn has_provable_end(status: StatusCode) -> bool {
    !status.is_informational()
        && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

impl<B> SendError<B> {
    fn from_hyper(mut failed: TrySendError<Request<TrackedBody<B>>>) -> Self {
        let unsent = failed.take_message();
        let error = failed.into_error();
        match unsent {
            Some(request) => Self::Unsent(Box::new(request.map(TrackedBody::into_inner)), error),
            None => Self::Lost(error),
        }
    }
}

impl<B> Connection<B> {
    pub(super) const fn new(
        wire: PooledConnection<B>,
        line: Arc<HostPool<B>>,
        agent: Arc<Agent>,
        is_reused: bool,
        place: Option<Permit>,
    ) -> Self {
        Self {
            inner: Some(wire),
            host_pool: line,
            agent,
            is_reused,
            is_reusable: false,
            permit: place,
        }
    }

    const fn wire(&mut self) -> &mut PooledConnection<B> {
        self.inner.as_mut().expect("a connection has its wire until it goes elsewhere")
    }

    /// Closes it, and hands on what a new one in its place needs.
    pub(super) fn into_reopen_parts(mut self) -> (Arc<Agent>, Arc<HostPool<B>>, Option<Permit>) {
        (Arc::clone(&self.agent), Arc::clone(&self.host_pool), self.permit.take())
    }

    /// Who answers on it.
    pub(crate) const fn agent(&self) -> &Arc<Agent> {
        &self.agent
    }

    /// It carried a request before, so that the agent may have closed it unseen.
    pub(crate) const fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Moves what can be moved: whoever reads an answer's body calls it.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        self.wire().driver.drive(cx);
    }

    /// Its response waits for its client from now on. Whoever needs the place may end it, if that lasts.
    pub(crate) fn pause(&mut self) {
        let Some(place) = self.permit.take() else { return };
        let wire = self.wire();
        wire.slot.pause(std::mem::replace(&mut wire.driver, Driver::Done), place);
    }

    /// Its response is read on.
    ///
    /// # Errors
    /// [`Revoked`] when it was ended meanwhile.
    pub(crate) fn resume(&mut self) -> Result<(), Revoked> {
        let wire = self.wire();
        if let Some((driver, place)) = wire.slot.resume()? {
            wire.driver = driver;
            self.permit = Some(place);
        }
        Ok(())
    }

    /// Leaves it to whoever gets it upgraded. Its driver ends by itself then, and its place comes free: agents stop
    /// counting a connection that was upgraded.
    pub(crate) fn detach(mut self) {
        if let Some(wire) = self.inner.take() {
            wire.driver.detach();
        }
    }

    /// Puts it back after a response was read to its end, if the agent is known to be done with it. A connection of which
    /// that is not known is closed: the next request on it would wait behind whatever the agent still does, and be
    /// carried out after its caller was told that it was not.
    pub(crate) fn release(mut self) {
        let Some(mut wire) = self.inner.take() else { return };
        if !self.is_reusable || !wire.can_idle() {
            return wire.driver.close(self.permit.take());
        }
        wire.idle_since = Instant::now();
        self.host_pool.put_idle(wire);
        // The place comes free last, so that whoever gets it finds the connection waiting.
    }
}

impl<B> Drop for Connection<B> {
    fn drop(&mut self) {
        if self.inner.is_some()
            && self.resume().is_ok()
            && let Some(wire) = self.inner.take()
        {
            wire.driver.close(self.permit.take());
        }
    }
}
