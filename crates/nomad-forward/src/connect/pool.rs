//! Connections that wait for their next request.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Waker},
    thread::{self, ThreadId},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::{
    body::Incoming,
    client::conn::{
        TrySendError,
        http1::{self, SendRequest},
    },
};
use tokio::time::{Instant, timeout};

use super::{
    Budget, Connect, ConnectError, Lease,
    driver::Driver,
    queue::{Place, Queue},
};
use crate::Agent;

/// Nomad's own client gives a node one second to accept (`ClientConnTimeout`).
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// So many idle connections an agent: an agent allows 100 from one address, and streams need theirs.
const MAX_IDLE: usize = 32;

/// After so long an idle connection is not trusted any more; agents themselves never close one.
const IDLE_LIMIT: Duration = Duration::from_secs(90);

/// So often connections that have waited for too long are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Connections to every agent, kept for the next request. Cheap to clone: all clones are one pool.
#[derive(Debug)]
pub struct Pool<C: Connect, B> {
    connect: C,
    budget: Budget,
    lines: Lines<C::Key, B>,
}

type Lines<K, B> = Arc<Mutex<Fleet<K, B>>>;

/// What there is to all agents.
#[derive(Debug)]
struct Fleet<K, B> {
    lines: HashMap<K, Arc<Line<B>>>,
    swept: Instant,
}

impl<K, B> Fleet<K, B> {
    fn new() -> Self {
        Self { lines: HashMap::new(), swept: Instant::now() }
    }

    /// Closes what has waited for too long, and forgets agents that nobody asks any more. Without it a fleet of ten
    /// thousand agents, each asked once, would hold ten thousand sockets for ever.
    fn sweep(&mut self) {
        if self.swept.elapsed() < SWEEP_EVERY {
            return;
        }
        self.swept = Instant::now();
        self.lines.retain(|_, line| {
            let mut idle = line.idle();
            // Nobody else looks at them meanwhile, and an agent may have closed them.
            let mut nobody = Context::from_waker(Waker::noop());
            idle.retain_mut(|wire| {
                wire.driver.drive(&mut nobody);
                wire.is_fresh()
            });
            // Connections that are used know their line.
            !idle.is_empty() || Arc::strong_count(line) > 1
        });
    }
}

/// What there is to one listener.
#[derive(Debug)]
struct Line<B> {
    idle: Mutex<Vec<Wire<B>>>,
    queue: Queue,
}

impl<B> Line<B> {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Wire<B>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that waited for this agent, at best one that this thread made: the socket of another wakes that thread first.
    /// One of another thread all the same when there may be no new one; when nothing but another agent's waits, that
    /// one makes room.
    fn take_idle(&self, agent: &Agent) -> Option<Wire<B>> {
        let here = thread::current().id();
        let mut idle = self.idle();
        loop {
            let may_open = self.queue.used() + idle.len() <= self.queue.most();
            let find = |is_fit: &dyn Fn(&Wire<B>) -> bool| {
                idle.iter().rposition(|wire| is_fit(wire) && wire.agent.has_connections_of(agent))
            };
            let mut chosen = find(&|wire| wire.home == here);
            if chosen.is_none() && !may_open {
                chosen = find(&|_| true);
            }
            let Some(chosen) = chosen else {
                if !may_open && !idle.is_empty() {
                    drop(idle.swap_remove(0));
                }
                return None;
            };
            let wire = idle.swap_remove(chosen);
            if wire.is_fresh() {
                return Some(wire);
            }
        }
    }
}

impl<C: Connect, B> Clone for Pool<C, B> {
    fn clone(&self) -> Self {
        Self { connect: self.connect.clone(), budget: self.budget, lines: Arc::clone(&self.lines) }
    }
}

/// A connection to an agent, free for one request. Dropping it closes it at once.
#[derive(Debug)]
pub struct Connection<B> {
    /// Only taken when the connection goes elsewhere.
    wire: Option<Wire<B>>,
    line: Arc<Line<B>>,
    /// Who answers on it.
    agent: Arc<Agent>,
    is_reused: bool,
    /// Held while a request uses it. A waiting connection holds none: whoever gets its place takes it along.
    place: Option<Place>,
}

/// An open connection.
#[derive(Debug)]
struct Wire<B> {
    /// Whom it was opened for.
    agent: Arc<Agent>,
    sender: SendRequest<B>,
    driver: Driver,
    idle_since: Instant,
    /// The thread whose runtime watches the socket.
    home: ThreadId,
}

impl<B> Wire<B> {
    /// It waited not for too long, and is not known to be closed.
    fn is_fresh(&self) -> bool {
        !self.sender.is_closed()
            && !self.driver.is_finished()
            && self.idle_since.elapsed() < IDLE_LIMIT
    }
}

impl<C: Connect, B> Pool<C, B> {
    /// An empty pool.
    #[must_use]
    pub fn new(connect: C) -> Self {
        Self { connect, budget: Budget::default(), lines: Arc::new(Mutex::new(Fleet::new())) }
    }

    /// The same with another budget.
    #[must_use]
    pub fn budget(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }
}

impl<C, B> Pool<C, B>
where
    C: Connect,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// A connection that waited, or a new one; when the agent has as many as it may, the first that is free again.
    ///
    /// # Errors
    /// [`ConnectError`] when there is none in time, or a new one cannot be made.
    pub async fn take(
        &self,
        agent: &Arc<Agent>,
        lease: Lease,
    ) -> Result<Connection<B>, ConnectError> {
        let line = self.line(agent);
        let place = line.queue.enter(lease).await?;
        self.take_in(agent, line, place).await
    }

    /// The same without waiting for a place.
    pub(crate) async fn take_now(
        &self,
        agent: &Arc<Agent>,
        lease: Lease,
    ) -> Result<Connection<B>, ConnectError> {
        let line = self.line(agent);
        let place = line.queue.try_enter(lease)?;
        self.take_in(agent, line, place).await
    }

    async fn take_in(
        &self,
        agent: &Arc<Agent>,
        line: Arc<Line<B>>,
        place: Place,
    ) -> Result<Connection<B>, ConnectError> {
        let (agent, place) = (Arc::clone(agent), Some(place));
        match line.take_idle(&agent) {
            Some(wire) => Ok(Connection { wire: Some(wire), line, agent, is_reused: true, place }),
            None => self.open(agent, line, place).await,
        }
    }

    fn line(&self, agent: &Agent) -> Arc<Line<B>> {
        let key = self.connect.key(agent);
        let mut fleet = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        fleet.sweep();
        let new = || Arc::new(Line { idle: Mutex::default(), queue: Queue::new(self.budget) });
        Arc::clone(fleet.lines.entry(key).or_insert_with(new))
    }

    /// A new connection in the place of one that turned out closed.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub(crate) async fn reopen(
        &self,
        mut closed: Connection<B>,
    ) -> Result<Connection<B>, ConnectError> {
        let (line, place) = (Arc::clone(&closed.line), closed.place.take());
        let agent = Arc::clone(&closed.agent);
        drop(closed);
        self.open(agent, line, place).await
    }

    async fn open(
        &self,
        agent: Arc<Agent>,
        line: Arc<Line<B>>,
        place: Option<Place>,
    ) -> Result<Connection<B>, ConnectError> {
        let io = timeout(CONNECT_LIMIT, self.connect.connect(&agent)).await;
        let io =
            io.map_err(|_| ConnectError::Timeout(CONNECT_LIMIT))?.map_err(ConnectError::Refused)?;
        let handshake = http1::Builder::new().writev(true).handshake(super::Turn::new(io)).await;
        let (sender, connection) = handshake.map_err(ConnectError::Handshake)?;
        // What goes wrong on the connection is told to whoever waits for an answer on it.
        let driver = Driver::new(async move { drop(connection.with_upgrades().await) });
        let (idle_since, home) = (Instant::now(), thread::current().id());
        let wire = Some(Wire { agent: Arc::clone(&agent), sender, driver, idle_since, home });
        Ok(Connection { wire, line, agent, is_reused: false, place })
    }
}

impl<B> Connection<B>
where
    B: Body + Send + 'static,
{
    /// Sends a request, and waits for the head of its answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<B>,
    ) -> Result<Response<Incoming>, TrySendError<Request<B>>> {
        let Wire { sender, driver, .. } = self.wire();
        if !request.body().is_end_stream() {
            driver.detach();
        }
        // It may still be finishing the answer before; when it is closed, the request comes back below.
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
        answer.await
    }
}

impl<B> Connection<B> {
    const fn wire(&mut self) -> &mut Wire<B> {
        self.wire.as_mut().expect("a connection has its wire until it goes elsewhere")
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

    /// Leaves it to whoever gets it upgraded. Its driver ends by itself then, and its place comes free: agents stop
    /// counting a connection that was upgraded.
    pub(crate) fn let_go(mut self) {
        if let Some(wire) = self.wire.take() {
            wire.driver.let_go();
        }
    }

    /// Puts it back after an answer was read to its end.
    pub(crate) fn give_back(mut self) {
        let Some(mut wire) = self.wire.take() else { return };
        if wire.sender.is_closed() || wire.driver.is_finished() {
            return wire.driver.close(self.place.take());
        }
        wire.idle_since = Instant::now();
        let mut idle = self.line.idle();
        if idle.len() < MAX_IDLE {
            idle.push(wire);
        }
        // The place comes free last, so that whoever gets it finds the connection waiting.
    }
}

impl<B> Drop for Connection<B> {
    fn drop(&mut self) {
        if let Some(wire) = self.wire.take() {
            wire.driver.close(self.place.take());
        }
    }
}
