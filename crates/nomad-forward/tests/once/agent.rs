//! A fleet of agents, some of which break in a way of their own.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use hyper_util::rt::TokioIo;
use nomad_forward::{Agent, Endpoint, connect::Connect};
use tokio::{
    io::{
        AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex,
    },
    sync::Notify,
};

/// How an agent breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    /// Closes what was kept, and takes no connection.
    Refuses,
    /// Closes what was kept, and each new connection at once.
    ClosesAtOnce,
    /// Closes a connection that was kept, in the moment in which the next request comes.
    ClosesKept,
    /// Resets when it has read the head.
    AfterHead,
    /// Resets in the middle of the body.
    AfterHalfBody,
    /// Resets when it has read everything.
    AfterBody,
    /// Sends half of a response's head, and closes.
    HalfHead,
    /// Sends an informational response, and closes.
    Informational,
    /// Sends the head of a response, and closes in the middle of its body.
    HalfResponse,
}

impl Break {
    pub(crate) const ALL: [Self; 9] = [
        Self::Refuses,
        Self::ClosesAtOnce,
        Self::ClosesKept,
        Self::AfterHead,
        Self::AfterHalfBody,
        Self::AfterBody,
        Self::HalfHead,
        Self::Informational,
        Self::HalfResponse,
    ];
}

/// Which agents break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgentKind {
    /// The agent that is asked first.
    First,
    Everybody,
}

/// The agents, and the connector that reaches them.
#[derive(Debug, Clone)]
pub(crate) struct Agents {
    how: Break,
    who: AgentKind,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// They break from now on, and the first who is asked is `first`.
    is_broken: AtomicBool,
    first: Mutex<Option<Endpoint>>,
    /// Requests of which some agent read the first byte while they break.
    read: AtomicUsize,
    closes: Notify,
}

impl Agents {
    pub(crate) fn new(how: Break, who: AgentKind) -> Self {
        Self { how, who, shared: Arc::default() }
    }

    /// From now on they break. Kept connections are closed when the agents run next: after the request was written, if nobody
    /// lets them run before.
    pub(crate) fn breaks(&self) {
        self.shared.is_broken.store(true, Ordering::SeqCst);
        if matches!(self.how, Break::Refuses | Break::ClosesAtOnce | Break::ClosesKept) {
            self.shared.closes.notify_waiters();
        }
    }

    /// How many times a request was seen by an agent.
    pub(crate) fn times_read(&self) -> usize {
        self.shared.read.load(Ordering::SeqCst)
    }

    fn is_broken(&self) -> bool {
        self.shared.is_broken.load(Ordering::SeqCst)
    }

    /// What this agent does now, when it does not simply answer.
    fn breaking(&self, endpoint: &Endpoint) -> Option<Break> {
        let mut first = self.shared.first.lock().unwrap();
        let is_first = first.get_or_insert_with(|| endpoint.clone()) == endpoint;
        let breaks = self.is_broken() && (is_first || self.who == AgentKind::Everybody);
        breaks.then_some(self.how)
    }
}

impl Connect for Agents {
    type Io = TokioIo<Resettable>;
    type Key = Endpoint;

    fn key(&self, agent: &Agent) -> Endpoint {
        agent.endpoint().clone()
    }

    async fn connect(&self, agent: &Agent) -> io::Result<Self::Io> {
        let breaking = self.breaking(agent.endpoint());
        if breaking == Some(Break::Refuses) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = duplex(1 << 20);
        let is_reset = Arc::<AtomicBool>::default();
        let line = FakeConnection {
            io: theirs,
            endpoint: agent.endpoint().clone(),
            fleet: self.clone(),
            is_reset: Arc::clone(&is_reset),
        };
        if breaking != Some(Break::ClosesAtOnce) {
            tokio::spawn(line.serve());
        }
        Ok(TokioIo::new(Resettable { io: ours, is_reset }))
    }
}

/// An agent's end of one connection.
struct FakeConnection {
    io: DuplexStream,
    endpoint: Endpoint,
    fleet: Agents,
    is_reset: Arc<AtomicBool>,
}

impl FakeConnection {
    /// Answers until it breaks.
    async fn serve(mut self) {
        let shared = Arc::clone(&self.fleet.shared);
        loop {
            let mut first = [0];
            tokio::select! {
                biased;
                () = shared.closes.notified() => return,
                read = self.io.read_exact(&mut first) => if read.is_err() { return },
            }
            if self.fleet.is_broken() {
                shared.read.fetch_add(1, Ordering::SeqCst);
            }
            let broken = self.fleet.breaking(&self.endpoint);
            if self.answer(first[0], broken).await.is_err() {
                return;
            }
        }
    }

    async fn answer(&mut self, first: u8, broken: Option<Break>) -> io::Result<()> {
        let length = self.head(first).await?;
        let read = match broken {
            Some(Break::AfterHead) => 0,
            Some(Break::AfterHalfBody) => length / 2,
            _ => length,
        };
        self.io.read_exact(&mut vec![0; read]).await?;
        let (said, is_over) = match broken {
            Some(Break::AfterHead | Break::AfterHalfBody | Break::AfterBody) => {
                self.is_reset.store(true, Ordering::SeqCst);
                ("", true)
            }
            Some(Break::HalfHead) => ("HTTP/1.1 200 OK\r\ncontent-le", true),
            Some(Break::Informational) => ("HTTP/1.1 103 Early Hints\r\n\r\n", true),
            Some(Break::HalfResponse) => ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nok", true),
            Some(Break::Refuses | Break::ClosesAtOnce | Break::ClosesKept) | None => {
                ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", false)
            }
        };
        self.io.write_all(said.as_bytes()).await?;
        if is_over { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    /// Reads a head, and says how long the body is.
    async fn head(&mut self, first: u8) -> io::Result<usize> {
        let mut head = vec![first];
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.io.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
        assert!(!head.contains("transfer-encoding"), "all bodies here have lengths");
        Ok(length.map_or(0, |length| length.parse().unwrap()))
    }
}

/// The gateway's end of a connection, whose end is an error when it was reset.
pub(crate) struct Resettable {
    io: DuplexStream,
    is_reset: Arc<AtomicBool>,
}

impl AsyncRead for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        let is_end = matches!(read, Poll::Ready(Ok(()))) && buf.filled().len() == before;
        if is_end && self.is_reset.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        read
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
