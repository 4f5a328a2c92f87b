//! A connection to an agent: while a request uses it, and while it waits for the next one.

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
    line::Line,
    paused::{PauseSlot, Revoked},
    place::Place,
    upload::Upload,
};
use crate::Agent;

/// After so long an idle connection is not trusted any more; agents themselves never close one.
const IDLE_LIMIT: Duration = Duration::from_secs(90);

/// A connection to an agent, free for one request. Dropping it closes it at once.
#[derive(Debug)]
pub struct Connection<B> {
    /// Only taken when the connection goes elsewhere.
    wire: Option<Wire<B>>,
    line: Arc<Line<B>>,
    /// Who answers on it.
    agent: Arc<Agent>,
    is_reused: bool,
    /// The agent is done with it when its response has been read to its end.
    is_kept: bool,
    /// Held while a request uses it. A waiting connection holds none: whoever gets its place takes it along.
    place: Option<Place>,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Wire<B> {
    /// Whom it was opened for.
    agent: Arc<Agent>,
    sender: SendRequest<Upload<B>>,
    /// [`Driver::Nobody`] while its response waits for its client.
    driver: Driver,
    slot: Arc<PauseSlot>,
    idle_since: Instant,
    /// The thread whose runtime watches the socket.
    home: ThreadId,
}

/// Why no response came over a connection.
#[derive(Debug)]
pub(crate) enum SendError<B> {
    /// The connection was closed before anything of the request was written.
    Unsent(Box<Request<B>>, hyper::Error),
    /// The connection broke, or the caller's body did.
    Lost(hyper::Error),
}

impl<B> Wire<B> {
    pub(super) fn new(
        agent: Arc<Agent>,
        sender: SendRequest<Upload<B>>,
        driver: Driver,
        slot: Arc<PauseSlot>,
    ) -> Self {
        let (idle_since, home) = (Instant::now(), thread::current().id());
        Self { agent, sender, driver, slot, idle_since, home }
    }

    /// It waited not for too long, and is not known to be closed.
    pub(super) fn is_fresh(&self) -> bool {
        !self.sender.is_closed()
            && !self.driver.is_finished()
            && self.idle_since.elapsed() < IDLE_LIMIT
    }

    /// The same after a look at its socket: nobody else looks at one that waits, and the agent may have closed it.
    pub(super) fn is_alive(&mut self) -> bool {
        self.driver.drive(&mut Context::from_waker(Waker::noop()));
        self.is_fresh()
    }

    pub(super) fn is_home(&self, thread: ThreadId) -> bool {
        self.home == thread
    }

    /// It leads to this agent, and nothing of an earlier request or response is on its way.
    pub(super) fn is_free_for(&self, agent: &Agent) -> bool {
        self.sender.is_ready() && self.agent.has_connections_of(agent)
    }

    /// It can wait for its next request. A task may still have to see that everything is over; until it has, nobody gets
    /// the connection.
    fn can_wait(&mut self) -> bool {
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
        self.is_kept = false;
        let is_head = request.method() == Method::HEAD;
        let (request, whole) = Upload::of(request);
        let Wire { sender, driver, .. } = self.wire();
        if whole.is_some() {
            driver.detach();
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
        let response = answer.await.map_err(SendError::of)?;
        self.is_kept = !is_head
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
    fn of(mut failed: TrySendError<Request<Upload<B>>>) -> Self {
        let unsent = failed.take_message();
        let error = failed.into_error();
        match unsent {
            Some(request) => Self::Unsent(Box::new(request.map(Upload::into_inner)), error),
            None => Self::Lost(error),
        }
    }
}

impl<B> Connection<B> {
    pub(super) const fn new(
        wire: Wire<B>,
        line: Arc<Line<B>>,
        agent: Arc<Agent>,
        is_reused: bool,
        place: Option<Place>,
    ) -> Self {
        Self { wire: Some(wire), line, agent, is_reused, is_kept: false, place }
    }

    const fn wire(&mut self) -> &mut Wire<B> {
        self.wire.as_mut().expect("a connection has its wire until it goes elsewhere")
    }

    /// Closes it, and hands on what a new one in its place needs.
    pub(super) fn replace(mut self) -> (Arc<Agent>, Arc<Line<B>>, Option<Place>) {
        (Arc::clone(&self.agent), Arc::clone(&self.line), self.place.take())
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
        let Some(place) = self.place.take() else { return };
        let wire = self.wire();
        wire.slot.pause(std::mem::replace(&mut wire.driver, Driver::Nobody), place);
    }

    /// Its response is read on.
    ///
    /// # Errors
    /// [`Revoked`] when it was ended meanwhile.
    pub(crate) fn resume(&mut self) -> Result<(), Revoked> {
        let wire = self.wire();
        if let Some((driver, place)) = wire.slot.resume()? {
            wire.driver = driver;
            self.place = Some(place);
        }
        Ok(())
    }

    /// Leaves it to whoever gets it upgraded. Its driver ends by itself then, and its place comes free: agents stop
    /// counting a connection that was upgraded.
    pub(crate) fn let_go(mut self) {
        if let Some(wire) = self.wire.take() {
            wire.driver.let_go();
        }
    }

    /// Puts it back after a response was read to its end, if the agent is known to be done with it. A connection of which
    /// that is not known is closed: the next request on it would wait behind whatever the agent still does, and be
    /// carried out after its caller was told that it was not.
    pub(crate) fn give_back(mut self) {
        let Some(mut wire) = self.wire.take() else { return };
        if !self.is_kept || !wire.can_wait() {
            return wire.driver.close(self.place.take());
        }
        wire.idle_since = Instant::now();
        self.line.keep(wire);
        // The place comes free last, so that whoever gets it finds the connection waiting.
    }
}

impl<B> Drop for Connection<B> {
    fn drop(&mut self) {
        if self.wire.is_some()
            && self.resume().is_ok()
            && let Some(wire) = self.wire.take()
        {
            wire.driver.close(self.place.take());
        }
    }
}
